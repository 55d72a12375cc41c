import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { SEARCH_ATTRIBUTE } from '../../contracts/names.ts';
import { startTemporalServer, type TemporalServer, type TemporalServerEvent } from '../../dev-server/index.ts';
import { identityOf, isRunning } from '../../dev-server/process-identity.ts';
import { isDatabaseInterrupted } from '../../dev-server/temporal-health.ts';
import { startGrpcProxy } from '../support/temporal/grpc-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { privateTemporal, temporalBinary, testTemporal } from '../support/temporal/temporal-server.ts';
import { clientOf } from './temporal-client.ts';

test('a killed server is restarted on the same port with its data', async () => {
  const events: TemporalServerEvent[] = [];
  const back = Promise.withResolvers<void>();
  const server = await supervised(await temporaryFolder(), (event) => {
    events.push(event);
    if (event.kind === 'restarted') back.resolve();
  });
  const { address, pid } = server;
  await (await clientOf(address)).workflow.start('nobody', { workflowId: 'kept', taskQueue: 'none' });
  process.kill(pid, 'SIGKILL');
  await back.promise;
  expect(server.address).toBe(address);
  expect(server.pid).not.toBe(pid);
  expect(server.restarts).toBe(1);
  expect(events.map(({ kind }) => kind)).toEqual(['spawned', 'died', 'spawned', 'restarted']);
  const workflow = await (await clientOf(address)).workflow.getHandle('kept').describe();
  expect(workflow.status.name).toBe('RUNNING');
});

test('a stopped server ends and is not restarted', async () => {
  const events: string[] = [];
  const server = await supervised(null, ({ kind }) => void events.push(kind));
  const process_ = identityOf(server.pid);
  await server.stop();
  expect(isRunning(process_)).toBe(false);
  expect(events).toEqual(['spawned']);
});

test('a server whose database fails at every statement is restarted with its data', async () => {
  const events: TemporalServerEvent[] = [];
  const back = Promise.withResolvers<void>();
  let looks = 0;
  const server = await startTemporalServer({
    binary: await temporalBinary(),
    dataDir: await temporaryFolder(),
    // Once, and then for good until the restart.
    isInterrupted: async () => [1, 3, 4, 5].includes(++looks),
    lookMs: 50,
    onEvent(event) {
      events.push(event);
      if (event.kind === 'restarted') back.resolve();
    },
  });
  onTestFinished(() => server.stop());
  await (await clientOf(server.address)).workflow.start('nobody', { workflowId: 'kept', taskQueue: 'none' });
  await back.promise;
  expect(events.map(({ kind }) => kind)).toEqual(['spawned', 'died', 'spawned', 'restarted']);
  expect(events[1]).toMatchObject({ cause: 'its database was interrupted' });
  const workflow = await (await clientOf(server.address)).workflow.getHandle('kept').describe();
  expect(workflow.status.name).toBe('RUNNING');
});

test('a database that is interrupted is told from one that is busy, and from a server that is away', async () => {
  let failure: string | null = null;
  const { address } = await startGrpcProxy(await testTemporal(), {
    failsWith: (path) => (path.endsWith('/DescribeNamespace') ? failure : null),
  });
  const interrupted = () => isDatabaseInterrupted(address, 'default', 5_000);
  expect(await interrupted()).toBe(false);
  failure = 'GetNamespace operation failed. Error interrupted (9)';
  expect(await interrupted()).toBe(true);
  failure = 'GetNamespace operation failed. Error database is locked (5)';
  expect(await interrupted()).toBe(false);
  expect(await isDatabaseInterrupted('127.0.0.1:9', 'default', 1_000)).toBe(false);
});

test('a server that keeps dying is not restarted any more, and the reason has its last log lines', async () => {
  const folder = await temporaryFolder();
  const program = join(folder, 'temporal');
  // Runs once, then fails.
  const script = `#!/bin/sh\n[ -e ${folder}/ran ] && echo "the disk is on fire" && exit 1\n: > ${folder}/ran\nexec ${await temporalBinary()} "$@"\n`;
  await writeFile(program, script, { mode: 0o755 });
  const gaveUp = Promise.withResolvers<string>();
  const onEvent = (event: TemporalServerEvent): void => {
    if (event.kind === 'gave-up') gaveUp.resolve(event.reason);
  };
  const server = await startTemporalServer({ binary: program, dataDir: folder, onEvent });
  onTestFinished(() => server.stop());
  process.kill(server.pid, 'SIGKILL');
  expect(await gaveUp.promise).toMatch(/died 5 times in 60 s and is not restarted[^]*the disk is on fire/);
});

test('a server that does not start is an error with its last log lines', async () => {
  const folder = await temporaryFolder();
  const program = join(folder, 'temporal');
  await writeFile(program, '#!/bin/sh\necho "the disk is on fire"; exit 1\n', { mode: 0o755 });
  const start = startTemporalServer({ binary: program, dataDir: folder });
  await expect(start).rejects.toThrow(/did not become ready[^]*the disk is on fire/);
});

test('a server that exits twice while it starts is started a third time', async () => {
  const folder = await temporaryFolder();
  const program = join(folder, 'temporal');
  const script = `#!/bin/sh\necho start >> ${folder}/starts\n[ $(wc -l < ${folder}/starts) -lt 3 ] && exit 2\nexec ${await temporalBinary()} "$@"\n`;
  await writeFile(program, script, { mode: 0o755 });
  const events: string[] = [];
  const server = await startTemporalServer({
    binary: program,
    dataDir: folder,
    onEvent: ({ kind }) => void events.push(kind),
  });
  onTestFinished(() => server.stop());
  expect(events).toEqual(['spawned', 'spawned', 'spawned']);
});

test('the error of a server that panics begins with the reason', async () => {
  const folder = await temporaryFolder();
  const program = join(folder, 'temporal');
  const stack = Array.from({ length: 40 }, (_, frame) => `main.frame${frame}()`).join('\n');
  const panic = `panic: no port is free\n\ngoroutine 1 [running]:\n${stack}`;
  await writeFile(program, `#!/bin/sh\ncat <<'END'\n${panic}\nEND\nexit 2\n`, { mode: 0o755 });
  const start = startTemporalServer({ binary: program, dataDir: folder });
  await expect(start).rejects.toThrow(/log lines \(.*\):\npanic: no port is free\n/);
});

test('a server leads a process group of its own, so that Ctrl-C does not reach it', async () => {
  const server = await supervised(null);
  const group = execFileSync('ps', ['-o', 'pgid=', '-p', String(server.pid)], { encoding: 'utf8' });
  expect(Number(group)).toBe(server.pid);
});

test('a database file has a write-ahead log', async () => {
  const folder = await temporaryFolder();
  await supervised(folder);
  expect(existsSync(join(folder, 'temporal.db-wal'))).toBe(true);
});

test('the search attributes are registered', async () => {
  const { connection } = await clientOf((await supervised(null)).address);
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
  expect(Object.keys(customAttributes ?? {})).toEqual(expect.arrayContaining(Object.values(SEARCH_ATTRIBUTE)));
});

test('dynamic configuration reaches the server: it suggests to continue as new when told to', async () => {
  await using low = await privateTemporal({ suggestContinueAsNewAt: 2 });
  expect(await suggestsContinueAsNew(low.address)).toBe(true);
  expect(await suggestsContinueAsNew(await testTemporal())).toBe(false);
});

test('a private server can be killed and started again on its database file', async () => {
  await using server = await privateTemporal();
  await (await clientOf(server.address)).workflow.start('nobody', { workflowId: 'kept', taskQueue: 'none' });
  await server.kill();
  await server.restart();
  const workflow = await (await clientOf(server.address)).workflow.getHandle('kept').describe();
  expect(workflow.status.name).toBe('RUNNING');
});

async function supervised(
  dataDir: string | null,
  onEvent?: (event: TemporalServerEvent) => void,
): Promise<TemporalServer> {
  const server = await startTemporalServer({ binary: await temporalBinary(), dataDir, onEvent });
  onTestFinished(() => server.stop());
  return server;
}

/** Whether the server suggests continue-as-new in the first workflow task of an execution. */
async function suggestsContinueAsNew(address: string): Promise<boolean | null | undefined> {
  const { connection, workflow } = await clientOf(address);
  const name = `suggests-${crypto.randomUUID()}`;
  await workflow.start('nobody', { workflowId: name, taskQueue: name });
  const task = await connection.withDeadline(Date.now() + 30_000, () =>
    connection.workflowService.pollWorkflowTaskQueue({
      namespace: 'default',
      taskQueue: { name },
      identity: 'test',
    }),
  );
  const started = task.history?.events?.find((event) => event.workflowTaskStartedEventAttributes);
  return started?.workflowTaskStartedEventAttributes?.suggestContinueAsNew;
}
