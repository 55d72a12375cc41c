import { setTimeout as delay } from 'node:timers/promises';
import { lazyClient } from '../../client/temporal/temporal-connection.ts';
import { SIGNAL } from '../../contracts/names.ts';
import { DEFAULT_DEPLOYMENT } from '../../contracts/worker.ts';
import { formatCount } from '../render/format-count.ts';
import { printTable } from '../render/print-table.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { buildQuery, readBuilds, type BuildStatus, type Deployment } from './builds.ts';
import { asUnreachable, temporalOf } from './check-histories.ts';
import { readSettings } from './settings.ts';

/** Signals of `perdure deploy move` in a second: each makes its workflow continue as new. */
const MOVES_PER_SECOND = 50;

/** `perdure deploy status`: the builds of the deployment, with the number of sessions on each. */
export async function deployStatus(deps: CommandDeps, env: NodeJS.ProcessEnv): Promise<void> {
  await withDeployment(env, async (deployment) => {
    const builds = await readBuilds(deployment);
    if (deps.json) return deps.printJson({ deployment: deployment.name, builds });
    if (builds.length === 0) {
      return deps.print(
        `The deployment ${deployment.name} has no build. Start workers with PERDURE_BUILD_ID set to the name of their build.`,
      );
    }
    const rows = builds.map((one) => [one.build, stateOf(one), String(one.open)]);
    printTable(deps, [['BUILD', 'STATE', 'OPEN WORKFLOWS'], ...rows]);
    if (!builds.some(({ isCurrent }) => isCurrent))
      deps.hint('No build is current. Choose one: perdure deploy promote <build>');
  });
}

/** `perdure deploy promote <build>`: new sessions start on it, and others move to it when they continue as new. */
export async function deployPromote(deps: CommandDeps, env: NodeJS.ProcessEnv, build: string): Promise<void> {
  await withDeployment(env, async (deployment) => {
    const { client, namespace, name } = deployment;
    const before = await readBuilds(deployment);
    if (!before.some((one) => one.build === build)) {
      const known = before.map((one) => one.build).join(', ');
      throw new CliError(
        `The deployment ${name} has no build ${JSON.stringify(build)}${known === '' ? '' : ` (it has ${known})`}. Start a worker of it first, with PERDURE_BUILD_ID=${build}.`,
        EXIT.refused,
      );
    }
    await client.workflowService.setWorkerDeploymentCurrentVersion({
      namespace,
      deploymentName: name,
      buildId: build,
      identity: 'perdure deploy promote',
    });
    if (deps.json) return deps.printJson({ deployment: name, current: build });
    deps.print(`New sessions start on build ${build}. Others move to it when they continue as new.`);
    if (before.some((one) => one.build !== build && one.open > 0))
      deps.hint('Move the idle ones now: perdure deploy move');
  });
}

/** `perdure deploy move`: asks the sessions of all other builds to continue as new once nothing is in progress. */
export async function deployMove(deps: CommandDeps, env: NodeJS.ProcessEnv): Promise<void> {
  await withDeployment(env, async (deployment) => {
    const builds = await readBuilds(deployment);
    if (!builds.some(({ isCurrent }) => isCurrent)) {
      throw new CliError('No build is current. Choose one first: perdure deploy promote <build>', EXIT.refused);
    }
    let asked = 0;
    for (const { build } of builds.filter(({ isCurrent, open }) => !isCurrent && open > 0)) {
      for await (const { workflowId, runId } of deployment.client.workflow.list({
        query: buildQuery(deployment, build),
      })) {
        const signal = deployment.client.workflow.getHandle(workflowId, runId).signal(SIGNAL.continueAsNew);
        // One that has ended meanwhile need not move.
        await Promise.all([signal.catch(() => {}), delay(1_000 / MOVES_PER_SECOND)]);
        asked += 1;
      }
    }
    if (deps.json) return deps.printJson({ deployment: deployment.name, asked });
    deps.print(`${formatCount(asked, 'workflow')} of other builds will move as soon as nothing is in progress.`);
    if (asked > 0) deps.hint('Stop the workers of a build when it has none left: perdure deploy status');
  });
}

function stateOf({ isCurrent, wasPromoted, open }: BuildStatus): string {
  if (isCurrent) return 'current';
  if (open > 0) return 'draining';
  return wasPromoted ? 'drained' : 'not promoted';
}

async function withDeployment(env: NodeJS.ProcessEnv, act: (deployment: Deployment) => Promise<void>): Promise<void> {
  const connection = temporalOf(env);
  const { deployment: name = DEFAULT_DEPLOYMENT } = readSettings(env);
  const temporal = lazyClient(connection, undefined, {});
  try {
    await temporal.get().connection.ensureConnected();
    await act({ client: temporal.get(), namespace: connection.namespace, name });
  } catch (error) {
    throw await asUnreachable(error, connection);
  } finally {
    await temporal.close();
  }
}
