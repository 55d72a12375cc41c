import { z } from 'zod';
import { PerdureError } from '../../../contracts/errors.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { cleanRequestSchema, sweepPageSchema, sweepSchema, type Sweep } from '../../../contracts/maintenance.ts';
import { appendAudit } from '../../../store/admin/audit/append-audit.ts';
import { listSweeps, readSweep } from '../../../store/admin/sweeps/read-sweeps.ts';
import type { GatewayDeps } from '../../answers/gateway-deps.ts';
import { readsAll } from '../../http/caller.ts';
import { selectUser } from '../../answers/select-user.ts';
import { userQuery } from '../../http/operators.ts';
import { pageQuery, route, type Route } from '../../http/route.ts';

const { sweepsPerPage, sweepActionsPerPage } = LIMITS;

const cleanBody = cleanRequestSchema.extend({ user: userQuery.user, all: z.boolean().default(false) });
const listQuery = z.object({
  ...userQuery,
  ...pageQuery(sweepsPerPage.value),
});
const readQuery = z.object(pageQuery(sweepActionsPerPage.value, sweepActionsPerPage.value));

/** Clean-ups of the caller's sessions; for operators, also of those of others. */
export function maintenanceRoutes(deps: GatewayDeps): Route[] {
  const { db, sender } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/maintenance/clean',
      access: 'write',
      summary: 'Clean up your sessions; for operators, also those of another user or of all',
      body: cleanBody,
      responses: { 202: { description: 'The clean-up has started', schema: z.object({ sweepId: z.string() }) } },
      async handle({ caller, body: { user, all, ...request } }) {
        const act = { action: 'sessions.clean', what: 'sessions', act: 'clean up' } as const;
        const owner = await selectUser(deps, caller, { user, all }, act);
        return Response.json({ sweepId: await sender.clean(owner, request) }, { status: 202 });
      },
    }),
    route({
      method: 'get',
      path: '/v1/maintenance/sweeps',
      access: 'read',
      summary:
        'List clean-ups of your sessions, newest first; for operators, also those of others and the scheduled ones',
      query: listQuery,
      responses: { 200: { description: 'A page', schema: sweepPageSchema } },
      async handle({ caller, query: { user, all, ...page } }) {
        const owner = await selectUser(deps, caller, { user, all }, { action: 'sweeps.list', what: 'clean-ups' });
        return Response.json(await listSweeps(db, owner, page));
      },
    }),
    route({
      method: 'get',
      path: '/v1/maintenance/sweeps/{sweep}',
      access: 'read',
      summary:
        'Get the report of a clean-up of your sessions, with its actions and their reasons; for operators, of any clean-up',
      query: readQuery,
      responses: { 200: { description: 'The report, complete or in progress', schema: sweepSchema } },
      async handle({ caller, param, query }) {
        const all = readsAll(caller);
        const sweep = await readSweep(db, all ? null : caller.user, param('sweep'), query);
        if (sweep !== null) {
          await auditSweep(deps, caller.user, sweep);
          return Response.json(sweep);
        }
        throw new PerdureError(
          'not_found',
          `There is no clean-up ${JSON.stringify(param('sweep').slice(0, 80))}${all ? '' : ' of yours'}. A new one appears once a worker has started it; reports are deleted after 30 days.`,
        );
      },
    }),
  ];
}

/** A report names sessions. Reading that of another user, or of all, is audited. */
async function auditSweep({ db }: GatewayDeps, actor: string, { user }: Sweep): Promise<void> {
  if (user === actor) return;
  await appendAudit(db, { actor, action: 'sweep.read', user, sessionId: null, runId: null });
}
