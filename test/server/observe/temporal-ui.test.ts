import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { SEARCH_ATTRIBUTE } from '../../../contracts/names.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { ModelError } from '../../../models/model-client.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { activitiesIn, historyOf } from '../../support/temporal/raw-temporal.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;

const note = defineTool({
  name: 'note',
  description: 'Notes.',
  parameters: z.object({ text: z.string() }),
  timeoutMs: 5_000,
  execute: ({ text }) => `noted ${text}`,
});
const held = heldModel(({ messages }) =>
  messages.at(-1)?.role === 'user'
    ? {
        text: 'PRIVATE-REPLY',
        toolCalls: [{ callId: 'c1', tool: 'note', arguments: { text: 'PRIVATE-ARGUMENT' }, malformed: null }],
      }
    : 'PRIVATE-ANSWER',
);

beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    model: held.model,
    tools: [note],
    agents: [{ name: 'scribe', tools: ['note'] }],
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

const handleOf = (key: SessionKey) => stack.client.workflow.getHandle(workflowIdOf(key));

/** What the Temporal UI asks for when it shows a workflow. */
async function detailsOf(key: SessionKey): Promise<string> {
  const metadata = await handleOf(key).query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails ?? '';
}

/** A session that has answered once, with a tool. */
async function answered(): Promise<{ key: SessionKey; runId: string }> {
  const key = { ...stack.key(), user: `Ada Personal ${stack.key().user}` };
  const { runId } = await stack.sender.submit(key, { content: 'PRIVATE-QUESTION' });
  await stack.ended(key);
  await handleOf(key).query('session');
  return { key, runId: runId as string };
}

test('the current details tell status, agent, and the last steps, the newest first, with model, tokens, time and tools', async () => {
  const { key, runId } = await answered();
  await expect.poll(() => detailsOf(key)).toContain('Waiting for a message.');
  const details = await detailsOf(key);
  expect(details).toContain('**active** · agent `scribe` · 1 runs ended · 0 waiting');
  const rows = details.split('\n').filter((line) => line.startsWith(`| \`${runId.slice(-8)}\``));
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatch(/\| 2 \| test \| 10 \/ 5 \| \d+ ms \| {2}\|$/);
  expect(rows[1]).toMatch(/\| 1 \| test \| 10 \/ 5 \| \d+ ms \| note \|$/);
});

test('the current details tell which run is going and how many wait', async () => {
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content: 'hold' });
  const call = await held.call('hold');
  await stack.sender.submit(key, { content: 'hold too' });
  const details = await detailsOf(key);
  expect(details).toContain(`Running: \`${runId}\``);
  expect(details).toContain('1 waiting');
  call.answer();
  (await held.call('hold too')).answer();
  await stack.ended(key, 2);
});

test('the current details tell how the last run ended, without the text of the error', async () => {
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content: 'hold and fail' });
  const failure = new ModelError('authentication', 'PRIVATE-REASON', { retryable: false });
  (await held.call('hold and fail')).fail(failure);
  await stack.ended(key);
  await expect.poll(() => detailsOf(key)).toContain(`Ended last: \`${runId}\` **failed** (\`authentication\`)`);
  expect(await detailsOf(key)).not.toContain('PRIVATE');
  await stack.sender.submit(key, { content: 'hold and stop' });
  await held.call('hold and stop');
  await stack.sender.cancel(key, {});
  await stack.ended(key, 2);
  await expect.poll(() => detailsOf(key)).toContain('**cancelled** (`cancelled`)');
});

test('each activity has a summary: the run, or the tool', async () => {
  const { key, runId } = await answered();
  expect(activitiesIn(await historyOf(stack.client, workflowIdOf(key)))).toEqual([
    { type: 'advanceRun', summary: `run ${runId.slice(-8)}` },
    { type: 'runTool', summary: 'tool note' },
    { type: 'advanceRun', summary: `run ${runId.slice(-8)}` },
  ]);
});

test('a workflow has a static summary', async () => {
  const { key } = await answered();
  expect(await (await handleOf(key).describe()).staticSummary()).toBe('Agent session');
});

test('a session is found by user, agent and status, and follows its status', async () => {
  const { key } = await answered();
  const found = async (status: string) => {
    const query = `PerdureUser = '${key.user}' AND PerdureAgent = 'scribe' AND PerdureStatus = '${status}'`;
    const ids: string[] = [];
    for await (const { workflowId } of stack.client.workflow.list({ query })) ids.push(workflowId);
    return ids;
  };
  await expect.poll(() => found('active'), { timeout: 20_000 }).toEqual([workflowIdOf(key)]);
  await stack.sender.end(key, {});
  await expect.poll(() => found('completed'), { timeout: 20_000 }).toEqual([workflowIdOf(key)]);
  expect(await found('active')).toEqual([]);
});

test('the search attributes are registered as keywords', async () => {
  const { customAttributes } = await stack.client.connection.operatorService.listSearchAttributes({
    namespace: 'default',
  });
  // 2 is KEYWORD.
  for (const name of Object.values(SEARCH_ATTRIBUTE)) expect(customAttributes?.[name]).toBe(2);
});

test('search attributes are written once, not with every message', async () => {
  const { key } = await answered();
  await stack.sender.submit(key, { content: 'hold once' });
  (await held.call('hold once')).answer();
  await stack.ended(key, 2);
  const history = await historyOf(stack.client, workflowIdOf(key));
  // Temporal's own note of a patch, `TemporalChangeVersion`, is another.
  const written = history.flatMap(
    (event) => event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes?.indexedFields ?? [],
  );
  expect(written.filter((fields) => SEARCH_ATTRIBUTE.status in fields)).toHaveLength(1);
});

test('nothing that is shown unencrypted carries content, and only the user attribute and the id name the user', async () => {
  const { key } = await answered();
  const description = await handleOf(key).describe();
  const shown = [
    await detailsOf(key),
    await description.staticSummary(),
    await description.staticDetails(),
    JSON.stringify(description.memo ?? {}),
    ...activitiesIn(await historyOf(stack.client, workflowIdOf(key))).map(({ summary }) => summary),
  ].join('\n');
  expect(shown).not.toMatch(/PRIVATE|Ada/);
  const { PerdureUser, ...others } = description.searchAttributes as Record<string, unknown>;
  expect(PerdureUser).toEqual([key.user]);
  expect(JSON.stringify(others)).not.toMatch(/PRIVATE|Ada/);
});

test('history carries a message in its own event only: no model request, no reply, no tool result', async () => {
  const { key } = await answered();
  const history = JSON.stringify(await historyOf(stack.client, workflowIdOf(key)));
  const decoded = history.replaceAll(/"data":"([A-Za-z0-9+/=]+)"/g, (_, data: string) =>
    Buffer.from(data, 'base64').toString(),
  );
  expect(decoded.match(/PRIVATE-\w+/g)).toEqual(['PRIVATE-QUESTION']);
});
