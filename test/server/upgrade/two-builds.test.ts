import type { Client } from '@temporalio/client';
import { Client as Postgres } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { MAINTENANCE_SCHEDULE } from '../../../contracts/names.ts';
import { callerOf, startDeployment } from '../../support/process/deployment.ts';
import { expectAnsweredOnce, sendUntilAccepted, type AcceptedMessage } from '../../support/process/conversations.ts';
import { eventsOf } from '../../support/gateway/http-calls.ts';
import { runCli } from '../../support/process/run-cli.ts';

const OPERATOR = 'olga';

test('two builds of workers run side by side as processes: an operator promotes one, moves sessions, rolls back and loses one', async () => {
  const { home, temporal, server, databaseUrl } = await startDeployment({ env: { PERDURE_OPERATORS: OPERATOR } });
  const gateway = await home.start('gateway');
  const env = { TEMPORAL_ADDRESS: server.address, PERDURE_URL: gateway.url, PERDURE_USER: OPERATOR };
  const perdure = async (...args: string[]) => await runCli(args, env);
  const database = new Postgres({ connectionString: databaseUrl });
  await database.connect();
  onTestFinished(() => database.end());

  const accepted: AcceptedMessage[] = [];
  const answered = async (session: string, id: string): Promise<void> => {
    accepted.push(await sendUntilAccepted(() => gateway, session, id, `Go. @echo=${id}`));
    const isAnswered = async () =>
      (await eventsOf(callerOf(gateway, session), session)).some(
        (event) => event.type === 'run.completed' && event.output === id,
      );
    await expect.poll(isAnswered, { timeout: 60_000 }).toBe(true);
  };
  /** The builds whose workers have executed tasks of a workflow's newest execution. */
  const buildsOf = async (workflowId: string): Promise<readonly string[]> => {
    const { rows } = await database.query<{ worker_id: string; build_id: string }>(
      'SELECT worker_id, build_id FROM perdure.workers',
    );
    const builds = new Map(rows.map(({ worker_id: worker, build_id: build }) => [worker, build]));
    const identities = await identitiesOf(temporal, workflowId);
    return [...new Set(identities.map((identity) => builds.get(identity) ?? identity))];
  };
  const buildsOfSession = async (session: string) => await buildsOf(workflowIdOf({ user: session, session }));

  // The first time: nothing has a build yet.
  expect((await perdure('deploy')).stdout).toContain('has no build. Start workers with PERDURE_BUILD_ID');
  const refused = await perdure('deploy', 'promote', 'v1');
  expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('Start a worker of it first') });
  const v1 = await home.start('worker', { PERDURE_BUILD_ID: 'v1' });
  const doctor = async () => (await perdure('doctor')).stdout;
  await expect.poll(doctor, { timeout: 60_000 }).toContain('NOTE     Builds: none of v1 is current');
  expect((await perdure('deploy', 'promote', 'v1')).code).toBe(0);
  expect(await doctor()).toContain('OK       Builds: new sessions start on v1');
  for (const session of ['stays', 'moves']) await answered(session, `${session}-1`);
  expect(await buildsOfSession('stays')).toEqual(['v1']);

  // A second build beside it takes nothing until it is promoted.
  const v2 = await home.start('worker', { PERDURE_BUILD_ID: 'v2' });
  const status = async () => (await perdure('deploy', 'status')).stdout;
  await expect.poll(status, { timeout: 60_000 }).toMatch(/^v2 +not promoted +0\nv1 +current +2$/m);
  await answered('before', 'before-1');
  expect(await buildsOfSession('before')).toEqual(['v1']);
  expect((await perdure('deploy', 'promote', 'v2')).code).toBe(0);
  await answered('new', 'new-1');
  expect(await buildsOfSession('new')).toEqual(['v2']);
  await answered('stays', 'stays-2');
  expect(await buildsOfSession('stays')).toEqual(['v1']);

  // Clean-ups by the schedule and erasures are taken by the current build.
  const clean = async (): Promise<readonly string[]> => {
    const schedule = temporal.schedule.getHandle(MAINTENANCE_SCHEDULE);
    const { info } = await schedule.describe();
    await schedule.trigger();
    const newest = async () => (await schedule.describe()).info.recentActions.at(-1)?.action.workflow;
    const before = info.recentActions.at(-1)?.action.workflow.workflowId;
    await expect.poll(async () => (await newest())?.workflowId, { timeout: 60_000 }).not.toBe(before);
    const { workflowId = '' } = (await newest()) ?? {};
    await temporal.workflow.getHandle(workflowId).result();
    return await buildsOf(workflowId);
  };
  expect(await clean()).toEqual(['v2']);
  expect((await perdure('erase', 'before', '--yes')).code).toBe(0);
  accepted.splice(
    accepted.findIndex(({ session }) => session === 'before'),
    1,
  );

  // Sessions move when they are asked to, and are answered by the other build.
  expect((await perdure('deploy', 'move')).stdout).toContain('will move as soon as nothing is in progress');
  const openOn = async (build: string) => {
    const { builds } = JSON.parse((await perdure('deploy', 'status', '--json')).stdout) as {
      builds: readonly { build: string; open: number }[];
    };
    return builds.find((one) => one.build === build)?.open;
  };
  await expect.poll(async () => await openOn('v1'), { timeout: 60_000 }).toBe(0);
  await answered('moves', 'moves-2');
  expect(await buildsOfSession('moves')).toEqual(['v2']);
  expect(await status()).toMatch(/^v2 +current +3\nv1 +drained +0$/m);

  // Back: new sessions start on the earlier build, and others move to it.
  expect((await perdure('deploy', 'promote', 'v1')).code).toBe(0);
  await answered('back', 'back-1');
  expect(await buildsOfSession('back')).toEqual(['v1']);
  expect(await clean()).toEqual(['v1']);
  await perdure('deploy', 'move');
  await expect.poll(async () => await openOn('v2'), { timeout: 60_000 }).toBe(0);
  await answered('new', 'new-2');
  expect(await buildsOfSession('new')).toEqual(['v1']);

  // The current build loses its last worker. Promoting the other one is all that it takes for new work, clean-ups included.
  await perdure('deploy', 'promote', 'v2');
  await v2.kill9();
  await perdure('deploy', 'promote', 'v1');
  await answered('last', 'last-1');
  expect(await clean()).toEqual(['v1']);
  await v1.stop();
  await expectAnsweredOnce(gateway, accepted);
}, 400_000);

/** Who has executed the tasks of a workflow's newest execution. */
async function identitiesOf(client: Client, workflowId: string): Promise<readonly string[]> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).flatMap((event) => {
    const by = event.workflowTaskStartedEventAttributes ?? event.activityTaskStartedEventAttributes;
    return by?.identity ? [by.identity] : [];
  });
}
