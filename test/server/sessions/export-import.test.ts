import { afterAll, beforeAll, expect, test } from 'vitest';
import { sessionExportSchema } from '../../../contracts/session/session-export.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let here: Stack;
let there: Stack;

beforeAll(async () => {
  const options = {
    temporal: await testTemporal(),
    model: ({ messages }: { messages: readonly unknown[] }) => `saw ${messages.length}`,
  };
  [here, there] = await Promise.all([startStack(options), startStack(options)]);
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await there[Symbol.asyncDispose]();
});

test('a session that is exported here and imported into an empty installation goes on there', async () => {
  const key = here.key();
  const first = await here.sender.submit(key, { id: 'm1', content: 'hello' });
  await here.ended(key);
  await here.sender.update(key, { metadata: { plan: 'gold' }, state: { app: { n: 1 }, tools: { 'a/b': [2] } } });
  const document = sessionExportSchema.parse(JSON.parse(JSON.stringify(await exportOf(here.db, key))));

  const copy = { user: `${key.user}-copy`, session: 'copied' };
  await importDocument(there.db, copy, document);
  expect(await there.sender.submit(copy, { id: 'm1', content: 'hello' })).toEqual(first);
  await there.sender.submit(copy, { id: 'm2', content: 'again' });
  const events = await there.ended(copy, 2);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'saw 3' });
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(await readSession(there.db, copy)).toMatchObject({
    status: 'active',
    metadata: { plan: 'gold' },
    state: { app: { n: 1 }, tools: { 'a/b': [2] } },
    messages: 2,
    runs: 2,
  });
});

test('forgetting a session deletes its executions from Temporal, whatever its name', { timeout: 240_000 }, async () => {
  const key = here.key(`it's "quoted" \\ 100%`);
  await here.sender.submit(key, { content: 'hello' });
  await here.ended(key);
  await here.sender.end(key, { status: 'failed' });
  const handle = here.client.workflow.getHandle(workflowIdOf(key));
  await handle.result();
  await here.sender.submit(key, { content: 'again' });
  await here.ended(key, 2);
  // The list that executions are found in lags behind.
  await expect.poll(async () => (await executions(key.user)).length, { timeout: 100_000 }).toBe(2);
  await here.sender.deleteExecutions(key);
  await expect.poll(async () => (await executions(key.user)).length, { timeout: 100_000 }).toBe(0);
});

async function executions(user: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { runId } of here.client.workflow.list({ query: `PerdureUser = '${user}'` })) found.push(runId);
  return found;
}
