import { expect, onTestFinished, test } from 'vitest';
import { defineContextProvider } from '../../../agents/context/define-context-provider.ts';
import { defineHistoryProvider, type StoredRun } from '../../../agents/context/define-history-provider.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { ContributedMessage } from '../../../contracts/capabilities/context-provider.ts';
import type { ModelRequest } from '../../../models/model-client.ts';
import { startStack, type StackOptions } from '../../support/stack.ts';
import { DATABASES, openTestDatabase } from '../../support/store/databases.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

/** A history elsewhere, and what was stored in it. */
function crmOf(failures = 0, onError: 'fail' | 'skip' = 'fail') {
  const rows: ContributedMessage[] = [{ role: 'user', content: 'From the CRM' }];
  const stored: StoredRun[] = [];
  const loads: { readonly runId: string; readonly attempt: number }[] = [];
  let left = failures;
  const provider = defineHistoryProvider({
    name: 'crm',
    maxAttempts: 2,
    onError,
    load: ({ runId, attempt }) => {
      loads.push({ runId, attempt });
      if (left-- > 0) throw new Error('The CRM is away.');
      return [...rows];
    },
    store: (run) => {
      const isRepeated = stored.some(({ idempotencyKey }) => idempotencyKey === run.idempotencyKey);
      stored.push(run);
      if (isRepeated) return;
      rows.push(...run.inputs.map(({ content }) => ({ role: 'user', content }) as const));
      if (run.outputs) rows.push({ role: 'assistant', content: run.outputs.text });
    },
  });
  return { provider, rows, stored, loads };
}

const greeter = defineContextProvider({
  name: 'greeter',
  beforeRun: () => ({ messages: [{ role: 'user', content: 'Be kind.' }] }),
});

async function stackOf(agent: Partial<AgentSpec>, options: Pick<StackOptions, 'context' | 'db'>) {
  const requests: ModelRequest[] = [];
  const stack = await startStack({
    temporal: await testTemporal(),
    agents: [{ name: 'assistant', instructions: 'Be brief.', ...agent }],
    model: (request) => {
      requests.push(request);
      return `Answer ${requests.length}`;
    },
    ...options,
  });
  onTestFinished(() => stack[Symbol.asyncDispose]());
  const key = stack.key();
  const contents = () => requests.map(({ messages }) => messages.map(({ content }) => content));
  return { stack, key, contents };
}

test.each(DATABASES)(
  'on %s, a history provider gives the earlier messages, and gets each run',
  async (kind) => {
    const database = await openTestDatabase(kind);
    onTestFinished(() => database.close());
    const { provider, stored, loads } = crmOf();
    const history = { provider: 'crm', storeContext: true };
    const { stack, key, contents } = await stackOf(
      { history, context: ['greeter'] },
      { context: [provider, greeter], db: database.db },
    );
    await stack.sender.submit(key, { content: 'One' });
    await stack.ended(key);
    await stack.sender.submit(key, { content: 'Two' });
    const events = await stack.ended(key, 2);

    expect(contents()).toEqual([
      ['From the CRM', 'Be kind.', 'One'],
      ['From the CRM', 'One', 'Answer 1', 'Be kind.', 'Two'],
    ]);
    expect(loads).toHaveLength(2);
    expect(stored).toMatchObject([
      {
        inputs: [{ content: 'One' }],
        outputs: { text: 'Answer 1', object: null, entries: [{ role: 'assistant', content: 'Answer 1' }] },
        context: [{ role: 'user', content: 'Be kind.' }],
      },
      { inputs: [{ content: 'Two' }], outputs: { text: 'Answer 2' } },
    ]);
    // The events are complete all the same.
    const texts = events.flatMap((event) =>
      event.type === 'message.received' ? [event.content] : event.type === 'message.completed' ? [event.text] : [],
    );
    expect(texts).toEqual(['One', 'Answer 1', 'Two', 'Answer 2']);
  },
  60_000,
);

test('with load: false the store gives the history; the other switches select what is stored', async () => {
  const { provider, stored, loads } = crmOf();
  const history = { provider: 'crm', load: false, storeInputs: false, storeOutputs: false };
  const { stack, key, contents } = await stackOf({ history }, { context: [provider] });
  await stack.sender.submit(key, { content: 'One' });
  await stack.ended(key);
  await stack.sender.submit(key, { content: 'Two' });
  await stack.ended(key, 2);

  expect(contents()).toEqual([['One'], ['One', 'Answer 1', 'Two']]);
  expect(loads).toEqual([]);
  expect(stored).toMatchObject([{ inputs: [], outputs: null, context: [] }, {}]);
}, 60_000);

test('what was loaded is stored with the run: a run that is resumed gets the same, and loads nothing', async () => {
  const { provider, rows, loads } = crmOf();
  let fails = true;
  const requests: ModelRequest[] = [];
  const stack = await startStack({
    temporal: await testTemporal(),
    agents: [{ name: 'assistant', history: { provider: 'crm' }, policy: { retry: { maxAttempts: 1 } } }],
    context: [provider],
    model: (request) => {
      requests.push(request);
      if (fails) throw new Error('No answer.');
      return 'ok';
    },
  });
  onTestFinished(() => stack[Symbol.asyncDispose]());
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content: 'One' });
  await stack.ended(key);
  rows.push({ role: 'user', content: 'Added since' });
  fails = false;
  await stack.sender.resume(key, { runId: runId ?? '' });
  await stack.ended(key, 2);

  expect(loads).toHaveLength(1);
  expect(requests.map(({ messages }) => messages.map(({ content }) => content))).toEqual([
    ['From the CRM', 'One'],
    ['From the CRM', 'One'],
  ]);
}, 60_000);

test.each([
  ['fail', 'run.failed', []],
  ['skip', 'run.completed', [['One']]],
] as const)(
  'with onError %s, a history that cannot be loaded ends in %s',
  async (onError, end, expected) => {
    const { provider, loads } = crmOf(9, onError);
    const { stack, key, contents } = await stackOf({ history: { provider: 'crm' } }, { context: [provider] });
    await stack.sender.submit(key, { content: 'One' });
    const events = await stack.ended(key);

    expect(events.at(-1)?.type).toBe(end);
    expect(loads.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(contents()).toEqual(expected);
  },
  60_000,
);
