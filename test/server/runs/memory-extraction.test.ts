import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { memory } from '../../../agents/context/memory.ts';
import { redactPersonalData } from '../../../agents/middleware/redact-personal-data.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { RunDetail } from '../../../contracts/session/run.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { explainRun } from '../../../core/why/explain-run.ts';
import { createMemories } from '../../../memory/create-memories.ts';
import type { ModelRequest } from '../../../models/model-client.ts';
import { listRuns } from '../../../store/read/list-runs.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readRunFacts } from '../../../store/read/read-run-facts.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const extracting = { memory: { recall: 5, extract: true, tools: false } };
const agents: AgentSpec[] = [
  { name: 'assistant', context: [extracting] },
  { name: 'recalling', context: ['memory'] },
  { name: 'cheaper', context: [{ memory: { extract: true, extractModel: 'function/small' } }] },
  { name: 'discreet', context: [extracting], middleware: ['redactPersonalData'] },
  { name: 'poor', context: [extracting], maxOutputTokens: 50, policy: { budget: { sessionTokens: 1_000 } } },
];

const isExtraction = ({ instructions }: ModelRequest): boolean => instructions.includes('long-term memory');

interface Material {
  readonly known: readonly { readonly number: number; readonly content: string }[];
  readonly conversation: readonly { readonly role: string; readonly text: string }[];
}

const materialOf = ({ messages }: ModelRequest): Material => JSON.parse(messages[0]?.content ?? '{}') as Material;

let stack: Stack;
const seen: ModelRequest[] = [];
/** The replies of extractions, in their order. */
const replies: (string | ((material: Material) => object))[] = [];
beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    agents,
    context: [memory],
    middleware: [redactPersonalData],
    deployment: { prices: [{ model: 'function/*', inputUsd: 1, outputUsd: 1 }] },
    model: (request) => {
      seen.push(request);
      const usage = { inputTokens: 100, outputTokens: 10, cachedTokens: 0, reasoningTokens: 0 };
      if (!isExtraction(request)) return { text: 'Noted.', usage };
      const reply = replies.shift() ?? (() => ({ memories: [] }));
      return { text: typeof reply === 'string' ? reply : JSON.stringify(reply(materialOf(request))), usage };
    },
  });
});
beforeEach(() => {
  seen.splice(0);
  replies.splice(0);
});
afterAll(() => stack[Symbol.asyncDispose]());

const remembers = (content: string, replaces: number | null = null) => ({ memories: [{ content, replaces }] });

/** Sends a message, and returns its run once nothing of it is left for the background. */
async function say(key: SessionKey, content: string, agent = 'assistant'): Promise<RunDetail> {
  const { runId } = await stack.sender.submit(key, { content, agent });
  const run = () => readRun(stack.db, key, runId ?? '');
  const isDone = async () => {
    const found = await run();
    return found?.status === 'completed' && found.background === undefined;
  };
  await expect.poll(isDone, { timeout: 20_000, interval: 20 }).toBe(true);
  const found = await run();
  if (!found) throw new Error('There is no run.');
  return found;
}

const contentsOf = async ({ user }: SessionKey): Promise<string[]> =>
  (await createMemories({ db: stack.db }).list(user)).data.map(({ content }) => content);

test('what a user says is remembered after the run with its source, and given to the model of another session', async () => {
  const key = stack.key();
  replies.push(() => remembers('The user prefers trains to planes.'));
  const run = await say(key, 'I prefer trains to planes, by the way.');
  expect(run.contextCalls).toMatchObject([
    { provider: 'memory', phase: 'before', status: 'completed' },
    { provider: 'memory', phase: 'after', status: 'completed' },
  ]);
  const [found] = (await createMemories({ db: stack.db }).list(key.user)).data;
  expect(found).toMatchObject({
    content: 'The user prefers trains to planes.',
    source: { session: key.session, run: run.id, message: run.messageIds[0] },
  });
  const extraction = seen.find(isExtraction);
  expect(extraction && materialOf(extraction)).toEqual({
    known: [],
    conversation: [
      { role: 'user', text: 'I prefer trains to planes, by the way.' },
      { role: 'assistant', text: 'Noted.' },
    ],
  });
  expect(extraction?.outputSchema).toMatchObject({ required: ['memories'] });
  seen.splice(0);
  await say({ ...key, session: 'other' }, 'Shall I book trains or planes?');
  expect(seen[0]?.instructions).toContain('The user prefers trains to planes.');
});

test('each memory that was extracted is counted as added, known or corrected', async () => {
  const count = async (outcome: string): Promise<number> => {
    const { text } = await stack.telemetry.metrics.scrape();
    const lines = text.split('\n').filter((line) => line.startsWith('perdure_memories_extracted_total{'));
    const line = lines.find((one) => one.includes('provider="memory"') && one.includes(`outcome="${outcome}"`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  const counts = async () => [await count('added'), await count('known'), await count('corrected')];
  const [added = 0, known = 0, corrected = 0] = await counts();
  const key = stack.key();
  replies.push(
    () => ({
      memories: [
        { content: 'The user has a dog.', replaces: null },
        { content: 'The user lives in Bern.', replaces: null },
      ],
    }),
    // Known by its content, though the search did not find it.
    () => remembers('The user has a dog.'),
    ({ known: given }) =>
      remembers('The user lives in Basel.', given.find(({ content }) => content.includes('Bern'))?.number),
  );
  await say(key, 'I live in Bern, with a dog.');
  await expect.poll(counts, { timeout: 10_000 }).toEqual([added + 2, known, corrected]);
  await say(key, 'Zzz.');
  await expect.poll(counts, { timeout: 10_000 }).toEqual([added + 2, known + 1, corrected]);
  await say(key, 'Not Bern any more: I live in Basel.');
  await expect.poll(counts, { timeout: 10_000 }).toEqual([added + 2, known + 1, corrected + 1]);
});

test('a correction supersedes the memory that the conversation corrects, and what is known is not remembered twice', async () => {
  const key = stack.key();
  replies.push(
    () => remembers('The user lives in Bern.'),
    () => remembers('The USER lives in Bern!'),
    ({ known }) => remembers('The user lives in Basel.', known.find(({ content }) => content.includes('Bern'))?.number),
  );
  await say(key, 'I live in Bern.');
  await say(key, 'As I said, I live in Bern.');
  expect(await contentsOf(key)).toEqual(['The user lives in Bern.']);
  await say(key, 'I moved: I do not live in Bern any more, but in Basel.');
  expect(await contentsOf(key)).toEqual(['The user lives in Basel.']);
});

test('an extraction is recorded as a model call of its run, charged to it, and explained', async () => {
  const key = stack.key();
  const run = await say(key, 'Hello.', 'cheaper');
  expect(run.modelCalls).toMatchObject([
    { kind: 'context', step: 0, attempt: 1, model: 'function/small', outcome: 'completed' },
    { step: 1, outcome: 'completed' },
  ]);
  const [sums] = await stack.db.query<Record<string, number>>(
    `SELECT (SELECT cost_nanos::float8 FROM perdure.sessions WHERE user_id = $1) AS session,
            (SELECT sum(cost_nanos)::float8 FROM perdure.runs WHERE user_id = $1) AS runs,
            (SELECT sum(cost_nanos)::float8 FROM perdure.model_calls WHERE user_id = $1) AS calls,
            (SELECT sum(cost_nanos)::float8 FROM perdure.usage_days WHERE user_id = $1) AS day`,
    [key.user],
  );
  expect(new Set(Object.values(sums ?? {}))).toEqual(new Set([220_000]));
  const facts = await readRunFacts(stack.db, key, run.id);
  const why = facts && explainRun(facts);
  expect(why?.cost.calls).toMatchObject([{ step: 1 }, { kind: 'context', costUsd: 0.000_11 }]);
  expect(why?.summary.background).toBe('In the background, after the run: memory completed.');
});

test('without `extract`, nothing is extracted and nothing is left for the background', async () => {
  const key = stack.key();
  const run = await say(key, 'I prefer trains.', 'recalling');
  expect(run.contextCalls?.map(({ phase }) => phase)).toEqual(['before']);
  expect(run.modelCalls).toHaveLength(1);
  expect((await listRuns(stack.db, key, { limit: 5 })).data[0]).not.toHaveProperty('background');
});

test('a reply that does not match the schema is repaired; one that never does is skipped, and the run stays completed', async () => {
  const key = stack.key();
  replies.push('They like trains.', () => remembers('The user likes trains.'));
  const repaired = await say(key, 'I like trains.');
  expect(await contentsOf(key)).toEqual(['The user likes trains.']);
  expect(repaired.modelCalls.filter(({ kind }) => kind === 'context')).toHaveLength(2);
  replies.push(...Array.from({ length: 9 }, () => '{}'));
  const skipped = await say(key, 'I like boats.');
  expect(skipped).toMatchObject({ status: 'completed', output: 'Noted.' });
  expect(skipped.contextCalls?.at(-1)).toMatchObject({
    phase: 'after',
    status: 'skipped',
    attempts: 3,
    error: expect.stringContaining('does not match the schema'),
  });
  expect(await contentsOf(key)).toEqual(['The user likes trains.']);
});

test('personal data that middleware has redacted does not reach the model that extracts', async () => {
  const key = stack.key();
  await say(key, 'My address is ada@example.org, and I like trains.', 'discreet');
  expect(JSON.stringify(seen.filter(isExtraction))).toContain('[email]');
  expect(JSON.stringify(seen)).not.toContain('ada@example.org');
});

test('a budget without room for the extraction leaves it out', async () => {
  const run = await say(stack.key(), 'I like trains.', 'poor');
  expect(run.contextCalls?.at(-1)).toMatchObject({
    status: 'skipped',
    attempts: 1,
    error: 'A budget has no room for the model call.',
  });
  expect(seen.filter(isExtraction)).toEqual([]);
});
