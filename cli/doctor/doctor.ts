import type { GatewayReadiness } from '../../client/http/gateway-client.ts';
import { EXIT } from '../shared/exit-codes.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { checkAgents } from './check-agents.ts';
import { checkAttachments } from './check-attachments.ts';
import { checkAuthentication } from './check-authentication.ts';
import { checkDeploymentFile } from './check-deployment-file.ts';
import { checkInbox } from './check-inbox.ts';
import { checkMcpServers } from './check-mcp-servers.ts';
import { checkMemory } from './check-memory.ts';
import { checkModel } from './check-model.ts';
import { checkNamedProviders } from './check-named-providers.ts';
import { checkPauses } from './check-pauses.ts';
import { checkProviders } from './check-providers.ts';
import { checkPorts } from './check-ports.ts';
import { checkRedis } from './check-redis.ts';
import { checkStore } from './check-store.ts';
import { checkTemporalServer, checkWorkers } from './check-temporal-and-workers.ts';
import type { Finding } from './finding.ts';
import { isReadiness } from './is-readiness.ts';
import { dataFolderOwner } from '../services/data-folder-owner.ts';

/** `perdure doctor`: prints the result of each check. Resolves with the exit code, 1 when there is a problem. */
export async function doctor(deps: CommandDeps, env: NodeJS.ProcessEnv): Promise<number> {
  const owner = dataFolderOwner(env);
  const readiness = deps.client.ready();
  // Whether the gateway is that of a `perdure start --memory`.
  const inMemory = readiness.then(
    (response) => isReadiness(response) && response.inMemory === true,
    () => false,
  );
  const named = checkNamedProviders(env);
  const mcp = checkMcpServers(env);
  const redis = checkRedis(env);
  const temporal = checkTemporalServer(deps, env, inMemory);
  const workers = checkWorkers(deps, env, inMemory);
  const checked = await Promise.all([
    checkDeploymentFile(env),
    checkAuthentication(deps, env),
    checkAgents(env),
    checkStore(env, inMemory),
    checkAttachments(env),
    checkModel(env),
    checkMemory(env),
    checkGateway(deps.url, readiness),
    checkProviders(deps),
    checkPauses(deps),
    checkInbox(deps),
    checkPorts(deps, env, owner?.gatewayUrl ?? null),
  ]);
  // What may be late is repeated when all others are done.
  const [serving, providers, servers] = await Promise.all([workers, named, mcp]);
  const findings = [
    checkNode(process.versions.node),
    ...(await repeatUnlessOk(await temporal, () => checkTemporalServer(deps, env, inMemory))),
    ...serving,
    ...checked,
    ...(await repeatUnlessOk(await redis, () => checkRedis(env))),
    ...providers,
    ...servers,
  ];
  const healthy = findings.every(({ state }) => state !== 'problem');
  if (deps.json) deps.printJson({ ok: healthy, findings });
  else for (const finding of findings) show(deps, finding);
  return healthy ? EXIT.ok : EXIT.failed;
}

/**
 * The findings of a check of a time, which is repeated when it has found something. While all checks load their code at once, this process
 * may be too busy to see a response in time, above all on a machine with a problem.
 */
export async function repeatUnlessOk(
  first: readonly Finding[],
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  return first.every(({ state }) => state === 'ok') ? first : await check();
}

const MARKS = { ok: ['green', 'OK     '], note: ['yellow', 'NOTE   '], problem: ['red', 'PROBLEM'] } as const;

function show(deps: CommandDeps, { check, state, found, remedy }: Finding): void {
  const [color, label] = MARKS[state];
  deps.print(`${deps.paint(color, label)}  ${check}: ${found}`);
  if (remedy !== null) deps.print(`         ${remedy}`);
}

function checkNode(version: string): Finding {
  const fits = Number(version.split('.', 1)[0]) >= 24;
  return {
    check: 'Node',
    state: fits ? 'ok' : 'problem',
    found: `version ${version}`,
    remedy: fits
      ? null
      : 'Perdure requires Node 24 or later. `npm ci` installs it; start Perdure with `npm start` or `npx perdure`.',
  };
}

async function checkGateway(url: string, readiness: Promise<GatewayReadiness>): Promise<Finding> {
  const check = 'Gateway';
  try {
    const response = await readiness;
    if (!isReadiness(response)) {
      const remedy = 'Set the gateway with --url or PERDURE_URL, or set PERDURE_PORT.';
      return { check, state: 'problem', found: `${url} is not a Perdure gateway`, remedy };
    }
    const { status, checks, redis } = response;
    if (status === 'ready' && redis === false) {
      const found = `reachable at ${url}, without its Redis: live messages go over PostgreSQL`;
      return { check, state: 'note', found, remedy: 'See the check of Redis, and the log of the gateway.' };
    }
    if (status === 'ready') return { check, state: 'ok', found: `reachable at ${url}`, remedy: null };
    const unreachable = Object.keys(checks).filter((part) => checks[part] !== true);
    const found = `reachable at ${url}, but it cannot reach: ${unreachable.join(', ')}`;
    return { check, state: 'problem', found, remedy: 'See the other checks, and the log of the gateway.' };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { check, state: 'note', found, remedy: null };
  }
}
