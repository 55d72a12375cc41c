import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGatewayClient, type GatewayClient } from '../../../client/http/gateway-client.ts';
import type { Batch } from '../../../contracts/admin/batch.ts';
import { PerdureError } from '../../../contracts/errors.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { serveGateway, type ServedGateway } from '../../../gateway/serve-gateway.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { registry, startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const agents = [{ name: 'assistant', policy: { retry: { maxAttempts: 1 } } }, { name: 'other' }];
let fails = false;
let stack: Stack;
let gateway: ServedGateway;
let ops: GatewayClient;

beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    agents,
    async model(request, { signal }) {
      const said = lastUserMessage(request);
      if (said === 'hold') {
        return await new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      }
      if (said === 'fail' && fails) throw new PerdureError('invalid_request', 'The provider refuses it.');
      return `echo ${said}`;
    },
  });
  const { db, live, sender } = stack;
  gateway = await serveGateway({
    gateway: createGateway({ db, live, sender, agents: registry(agents, []) }),
    port: 0,
  });
  ops = clientOf('ops');
});
afterAll(async () => {
  await gateway.close();
  await stack[Symbol.asyncDispose]();
});

function clientOf(user: string): GatewayClient {
  return createGatewayClient({ url: gateway.url, user });
}

async function send(key: SessionKey, content: string, agent = 'assistant'): Promise<string> {
  return (await clientOf(key.user).send(key.session, { content, agent })).runId as string;
}

async function started(key: SessionKey): Promise<void> {
  await stack.until(key, (events) => events.some(({ type }) => type === 'run.started'));
}

async function ended(id: string): Promise<Batch> {
  await expect.poll(async () => (await ops.batch(id)).endedAt, { timeout: 60_000 }).not.toBeNull();
  return await ops.batch(id);
}

test('a batch cancels the open runs that match, as a dry run has counted them, and leaves others', async () => {
  const keys = ['one', 'two', 'three'].map((name) => stack.key(name));
  const other = stack.key('other');
  for (const key of keys) await send(key, 'hold');
  await send(other, 'hold', 'other');
  for (const key of [...keys, other]) await started(key);
  const filter = { agent: 'assistant', minCostUsd: 0 };
  const preview = await ops.previewBatch({ action: 'cancel', filter });
  expect(preview).toMatchObject({ action: 'cancel', matches: 3 });
  expect(preview.sample.map(({ sessionId, status }) => `${sessionId} ${status}`).toSorted()).toEqual(
    keys.map(({ session }) => `${session} running`).toSorted(),
  );
  expect((await ops.listRuns({ all: true, status: 'open' })).data).toHaveLength(4);
  const { id } = await ops.startBatch({ action: 'cancel', filter });
  expect(await ended(id)).toMatchObject({ status: 'completed', by: 'ops', matched: 3, done: 3, skipped: 0, failed: 0 });
  for (const key of keys) expect((await stack.events(key)).at(-1)).toMatchObject({ type: 'run.cancelled' });
  expect((await ops.listRuns({ all: true, status: 'open' })).data).toMatchObject([{ agent: 'other' }]);
  const { data } = await ops.batchItems(id);
  expect(data.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done']);
  const audit = (await ops.audit()).data.map(({ action, subject }) => `${action} ${subject}`);
  expect(audit).toEqual(expect.arrayContaining(['batch.preview cancel', 'batch.start cancel']));
  await clientOf(other.user).cancel(
    other.session,
    (await ops.listRuns({ all: true, status: 'open' })).data[0]?.id ?? '',
  );
});

test('a batch resumes the failed runs with an error; those that failed otherwise stay', async () => {
  fails = true;
  const keys = ['fails', 'fails too'].map((name) => stack.key(name));
  for (const key of keys) await send(key, 'fail');
  for (const key of keys) expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.failed' });
  const [run] = (await ops.listRuns({ all: true, status: 'failed' })).data;
  fails = false;
  const none = await ops.startBatch({ action: 'resume', filter: { errorCode: 'budget_exceeded' } });
  expect(await ended(none.id)).toMatchObject({ matched: 0, done: 0 });
  const { id } = await ops.startBatch({ action: 'resume', filter: { errorCode: run?.error?.code } });
  expect(await ended(id)).toMatchObject({ status: 'completed', matched: 2, done: 2 });
  for (const key of keys) {
    expect((await stack.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed', output: 'echo fail' });
  }
});

test('a batch ends the sessions of a user, and archives those without an open run', async () => {
  const [done, busy] = [stack.key('done'), stack.key('busy')];
  await send(done, 'hello');
  await stack.ended(done);
  const scope = { user: done.user };
  const end = await ops.startBatch({ action: 'end', filter: scope, status: 'failed', reason: 'Closed down.' });
  expect(await ended(end.id)).toMatchObject({ matched: 1, done: 1 });
  expect(await clientOf(done.user).snapshot(done.session)).toMatchObject({
    status: 'failed',
    endReason: 'Closed down.',
  });
  const archive = await ops.startBatch({ action: 'archive', filter: scope });
  expect(await ended(archive.id)).toMatchObject({ matched: 1, done: 1 });
  expect((await clientOf(done.user).sessions()).data).toMatchObject([{ id: done.session, status: 'archived' }]);
  await send(busy, 'hold');
  await started(busy);
  const skips = await ops.startBatch({ action: 'archive', filter: { user: busy.user, status: 'active' } });
  expect(await ended(skips.id)).toMatchObject({
    matched: 1,
    skipped: 1,
    reasons: [{ outcome: 'skipped', code: 'has_open_run', count: 1 }],
  });
  await clientOf(busy.user).end(busy.session, {});
});

test('the same id is the same batch; with another request it is refused', async () => {
  const request = { id: 'once', action: 'cancel', filter: { tool: 'none' } } as const;
  const first = await ops.startBatch(request);
  await ended('once');
  expect(await ops.startBatch(request)).toMatchObject({ id: 'once', createdAt: first.createdAt, status: 'completed' });
  const another = { ...request, filter: { tool: 'other' } };
  await expect(ops.startBatch(another)).rejects.toMatchObject({ code: 'idempotency_conflict' });
});

test('a batch that is stopped changes nothing more', async () => {
  const keys = Array.from({ length: 10 }, (_, index) => stack.key(`stop-${index}`));
  for (const key of keys) await send(key, 'hold');
  for (const key of keys) await started(key);
  const { id } = await ops.startBatch({ action: 'cancel', filter: { all: true }, perSecond: 1 });
  await expect.poll(async () => (await ops.batch(id)).done, { timeout: 30_000 }).toBeGreaterThan(0);
  const stopped = await ops.cancelBatch(id);
  expect(stopped).toMatchObject({ status: 'cancelled', matched: 10, endedAt: expect.any(String) });
  await expect
    .poll(async () => (await stack.client.workflow.getHandle(`:batch:${id}`).describe()).status.name, {
      timeout: 30_000,
    })
    .toBe('COMPLETED');
  const open = (await ops.listRuns({ all: true, status: 'open' })).data.length;
  expect(open).toBe(10 - (await ops.batch(id)).done);
  expect(open).toBeGreaterThan(0);
  const { stdout, code } = await runCli(['batch', 'cancel', '--all', '--yes', '--rate', '200'], cliEnv());
  expect({ stdout, code }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^matched +\d\ndone +\d\n/) });
  expect((await ops.listRuns({ all: true, status: 'open' })).data).toEqual([]);
});

test('commands show what matches, and refuse what is not clear', async () => {
  const [dry, unclear, unasked, list] = await Promise.all([
    runCli(['batch', 'end', '--agent', 'nobody', '--dry-run'], cliEnv()),
    runCli(['batch', 'end', '--dry-run'], cliEnv()),
    runCli(['batch', 'end', '--agent', 'assistant'], cliEnv()),
    runCli(['batch', 'list'], cliEnv()),
  ]);
  expect(dry).toMatchObject({ code: 0, stdout: 'No matching sessions.\n' });
  expect(unclear).toMatchObject({ code: 2, stderr: expect.stringContaining('The filter is empty.') });
  await expect(ops.previewBatch({ action: 'end', filter: {} })).rejects.toMatchObject({ code: 'invalid_request' });
  expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('Add --yes.') });
  expect(list.stdout).toMatch(/^BATCH +ACTION +STATUS +MATCHED +DONE +SKIPPED +FAILED +BY +CREATED\n/);
});

function cliEnv(): Record<string, string> {
  return { PERDURE_URL: gateway.url, PERDURE_USER: 'ops' };
}
