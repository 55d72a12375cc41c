import { EXIT } from '../shared/exit-codes.ts';
import type { Cli } from '../shared/cli.ts';
import { checkAgents } from './check-agents.ts';
import { checkDeploymentFile } from './check-deployment-file.ts';
import { checkModel } from './check-model.ts';
import { checkProviders } from './check-providers.ts';
import { checkPorts } from './check-ports.ts';
import { checkStore } from './check-store.ts';
import { checkTemporal } from './check-temporal.ts';
import { checkWorker } from './check-worker.ts';
import type { Finding } from './finding.ts';
import { isReadiness } from './is-readiness.ts';

/** `perdure doctor`: resolves with the exit code, 1 when there is a problem. */
export async function doctor(cli: Cli, env: NodeJS.ProcessEnv): Promise<number> {
  const checked = await Promise.all([
    checkDeploymentFile(env),
    checkAgents(env),
    checkTemporal(env),
    checkWorker(env),
    checkStore(env),
    checkModel(env),
    checkGateway(cli),
    checkProviders(cli),
    checkPorts(cli, env),
  ]);
  const findings = [checkNode(process.versions.node), ...checked];
  const healthy = findings.every(({ state }) => state !== 'problem');
  if (cli.json) cli.printJson({ ok: healthy, findings });
  else for (const finding of findings) show(cli, finding);
  return healthy ? EXIT.ok : EXIT.failed;
}

const MARKS = { ok: ['green', 'OK     '], note: ['yellow', 'NOTE   '], problem: ['red', 'PROBLEM'] } as const;

function show(cli: Cli, { check, state, found, remedy }: Finding): void {
  const [color, label] = MARKS[state];
  cli.print(`${cli.paint(color, label)}  ${check}: ${found}`);
  if (remedy !== null) cli.print(`         ${remedy}`);
}

function checkNode(version: string): Finding {
  const fits = Number(version.split('.', 1)[0]) >= 24;
  return {
    check: 'Node',
    state: fits ? 'ok' : 'problem',
    found: `version ${version}`,
    remedy: fits
      ? null
      : 'Perdure needs Node 24 or later. `npm ci` brings it; start Perdure by `npm start` or `npx perdure`.',
  };
}

async function checkGateway({ client, url }: Cli): Promise<Finding> {
  const check = 'Gateway';
  try {
    const answer = await client.ready();
    if (!isReadiness(answer)) {
      const remedy = 'Name the gateway with --url or PERDURE_URL, or set PERDURE_PORT.';
      return { check, state: 'problem', found: `what answers at ${url} is no gateway of Perdure`, remedy };
    }
    const { status, checks } = answer;
    if (status === 'ready') return { check, state: 'ok', found: `answers at ${url}`, remedy: null };
    const away = Object.keys(checks).filter((part) => checks[part] !== true);
    const found = `answers at ${url}, but cannot reach: ${away.join(', ')}`;
    return { check, state: 'problem', found, remedy: 'See the findings above, and the log of the gateway.' };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { check, state: 'note', found, remedy: null };
  }
}
