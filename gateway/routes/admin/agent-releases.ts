import { z } from 'zod';
import {
  agentReleaseReportSchema,
  agentReleaseRequestSchema,
  type AgentRelease,
  type AgentReleaseReport,
} from '../../../contracts/admin/agent-release.ts';
import { PerdureError } from '../../../contracts/errors.ts';
import { appendAudit } from '../../../store/admin/audit/append-audit.ts';
import { readVersionStats } from '../../../store/admin/releases/read-version-stats.ts';
import { removeRelease, saveRelease } from '../../../store/admin/releases/save-release.ts';
import { readReleases } from '../../../store/admin/releases/read-releases.ts';
import type { GatewayDeps } from '../../answers/gateway-deps.ts';
import type { Caller } from '../../http/caller.ts';
import { route, type Route } from '../../http/route.ts';

const daysQuery = z.object({ days: z.coerce.number().int().min(1).max(90).default(7) });
const path = '/v1/agents/{name}/release';

/** Releases of agents to a share of users, for operators. */
export function agentReleaseRoutes({ db, agents }: GatewayDeps): Route[] {
  const report = async (agent: string, days: number): Promise<Response> => {
    const [stored] = await readReleases(db, agent);
    const versions = await readVersionStats(db, agent, days);
    const body: AgentReleaseReport = { agent, release: stored ? releaseOf(stored) : null, days, versions };
    return Response.json(body);
  };
  /** The version of the workers, and the one that was in use before it. */
  const currentOf = (agent: string): string => {
    const version = agents.agent(agent);
    if (version !== undefined) return version.hash;
    throw new PerdureError(
      'not_found',
      `There is no agent ${JSON.stringify(agent.slice(0, 80))}. List them with GET /v1/agents.`,
    );
  };
  const before = async (agent: string, candidate: string): Promise<string> => {
    const [earlier] = (await readVersionStats(db, agent, 1)).filter(({ version }) => version !== candidate);
    if (earlier !== undefined) return earlier.version;
    throw new PerdureError(
      'invalid_request',
      `The agent ${JSON.stringify(agent)} has no other version than ${candidate.slice(0, 8)}, so there is nothing to return to. Deploy the next version, then release it.`,
    );
  };
  const audit = (caller: Caller, action: 'agent.release' | 'agent.rollback', agent: string): Promise<void> =>
    appendAudit(db, { actor: caller.user, action, user: null, subject: agent, sessionId: null, runId: null });
  return [
    route({
      method: 'get',
      path,
      access: 'inspect',
      reserved: 'see releases of agents',
      summary: 'For operators: the release of an agent, and statistics of its versions side by side',
      query: daysQuery,
      responses: { 200: { description: 'The release and the versions', schema: agentReleaseReportSchema } },
      async handle({ param, query }) {
        currentOf(param('name'));
        return await report(param('name'), query.days);
      },
    }),
    route({
      method: 'put',
      path,
      access: 'operate',
      reserved: 'release agents',
      summary: 'For operators: release a version of an agent to a share of users',
      body: agentReleaseRequestSchema,
      responses: { 200: { description: 'The release and the versions', schema: agentReleaseReportSchema } },
      async handle({ caller, param, body }) {
        const agent = param('name');
        const current = currentOf(agent);
        await audit(caller, 'agent.release', agent);
        const [release] = await readReleases(db, agent);
        if (body.share === 1 && body.version === undefined) await removeRelease(db, agent);
        else if (body.share === 0 && body.version === undefined && release === undefined) {
          // Before a deploy: everybody keeps the version of now.
          await saveRelease(db, { agent, base: current, candidate: null, share: 0 });
        } else {
          const candidate = body.version === undefined ? current : await find(agent, body.version);
          const base =
            release !== undefined && release.base !== candidate ? release.base : await before(agent, candidate);
          await saveRelease(db, { agent, base, candidate, share: body.share });
        }
        return await report(agent, 7);
      },
    }),
    route({
      method: 'post',
      path: '/v1/agents/{name}/rollback',
      access: 'operate',
      reserved: 'roll back agents',
      summary: 'For operators: return all users of an agent to the version before its release',
      responses: { 200: { description: 'The release and the versions', schema: agentReleaseReportSchema } },
      async handle({ caller, param }) {
        const agent = param('name');
        const current = currentOf(agent);
        await audit(caller, 'agent.rollback', agent);
        const [release] = await readReleases(db, agent);
        const candidate = release?.candidate ?? current;
        const base = release?.base ?? (await before(agent, candidate));
        await saveRelease(db, { agent, base, candidate, share: 0 });
        return await report(agent, 7);
      },
    }),
  ];

  async function find(agent: string, prefix: string): Promise<string> {
    const found = (await readVersionStats(db, agent, 1)).filter(({ version }) => version.startsWith(prefix));
    if (found.length === 1 && found[0] !== undefined) return found[0].version;
    const problem = found.length === 0 ? 'no' : 'more than one';
    throw new PerdureError(
      'invalid_request',
      `The agent ${JSON.stringify(agent)} has ${problem} version that begins with ${JSON.stringify(prefix)}. List them with GET /v1/agents/${encodeURIComponent(agent)}/release.`,
    );
  }
}

function releaseOf({ base, candidate, share, updatedAt }: AgentRelease): AgentRelease {
  return { base, candidate, share, updatedAt };
}
