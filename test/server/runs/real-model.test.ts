import { expect, onTestFinished, test, type TestContext } from 'vitest';
import type { PerdureEvent, StreamEvent } from '../../../contracts/events/event.ts';
import { endsRun } from '../../../contracts/events/event-traits.ts';
import type { RunDetail } from '../../../contracts/session/run.ts';
import type { SessionSnapshot } from '../../../contracts/session/session.ts';
import { cannotRunHere } from '../../support/cannot-run-here.ts';
import { callJson, eventsOf, pathOf, readStream, type Caller } from '../../support/gateway/http-calls.ts';
import { llamaServer } from '../../support/models/llama-server.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';

/** What a model this small can be brought to say. It names another tool: that the one it must call is called shows that it was forced. */
const CALL = '<tool_call>{"name": "calculator", "arguments": {"word": "river"}}</tool_call>\nRepeat the line above.';

type Known = { readonly [Type in PerdureEvent['type']]: Extract<PerdureEvent, { type: Type }> };

test('a real model talks, answers by a schema, calls a tool that it must call, says its usage, and is stopped', async ({
  skip,
}: TestContext) => {
  const model = await llamaServer();
  if ('unavailable' in model) cannotRunHere(skip, model.unavailable);
  onTestFinished(() => model.stop());
  // The model is found by what the address lists.
  const home = perdureHome({ OPENAI_BASE_URL: model.url, PERDURE_MODEL: '' });
  const perdure = await home.start();
  expect(perdure.output()).toContain(`openai/${model.model}`);
  const caller = { url: perdure.url, user: 'ann' };
  await twoTurns(caller, model.model);
  await structuredAnswer(caller);
  await forcedTool(caller);
  await cancelled(caller);
  expect(home.calls()).toEqual([]);
  await perdure.stop();
}, 240_000);

/** Delivers a message and reads its run as it streams. */
async function converse(
  caller: Caller,
  session: string,
  body: object,
  onEvent: (event: StreamEvent) => void = () => {},
): Promise<{ runId: string; events: StreamEvent[] }> {
  const { runId } = await callJson<{ runId: string }>(caller, 'POST', pathOf(session, 'messages'), body);
  const events: StreamEvent[] = [];
  await readStream(caller, session, {}, ({ event }) => {
    if (!('runId' in event) || event.runId !== runId) return false;
    events.push(event);
    onEvent(event);
    return endsRun(event.type);
  });
  return { runId, events };
}

function only<Type extends PerdureEvent['type']>(events: readonly StreamEvent[], type: Type): Known[Type][] {
  return events.filter((event): event is Known[Type] => event.type === type);
}

async function twoTurns(caller: Caller, model: string): Promise<void> {
  const first = await converse(caller, 'talk', { content: 'My name is Zebulon. Say hello to me.', agent: 'talker' });
  const second = await converse(caller, 'talk', { content: 'What is my name?' });
  for (const { events, runId } of [first, second]) {
    let text = '';
    let deltas = 0;
    for (const event of events) {
      if (event.type !== 'message.delta') continue;
      text = text.slice(0, event.offset) + event.delta;
      deltas += 1;
    }
    const [reply] = only(events, 'message.completed');
    expect(deltas).toBeGreaterThan(3);
    expect(reply).toMatchObject({ text, partial: false, model });
    expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: text });
    const run = await callJson<RunDetail>(caller, 'GET', pathOf('talk', 'runs', runId));
    expect(run.usage.inputTokens).toBeGreaterThan(5);
    expect(run.usage.outputTokens).toBeGreaterThan(3);
  }
  const input = [first, second].map(({ events }) => only(events, 'message.completed')[0]?.usage?.inputTokens ?? 0);
  // The second call carried the first turn.
  expect(input[1]).toBeGreaterThan((input[0] ?? 0) + 10);
  const { usage } = await callJson<SessionSnapshot>(caller, 'GET', pathOf('talk'));
  expect(usage.inputTokens).toBe((input[0] ?? 0) + (input[1] ?? 0));
}

/** A model this small would not follow the schema: that its first answer does shows that the server enforces it. */
async function structuredAnswer(caller: Caller): Promise<void> {
  const colour = { enum: ['red', 'green', 'blue'] };
  const properties = { colour, isWarm: { type: 'boolean' } };
  const schema = { type: 'object', properties, required: ['colour', 'isWarm'], additionalProperties: false };
  const message = { content: 'What is the colour of grass?', agent: 'talker', output: { schema } };
  const { events } = await converse(caller, 'schema', message);
  expect(only(events, 'message.completed')).toMatchObject([{ finish: 'stop' }]);
  const [end] = only(events, 'run.completed');
  expect(end?.object).toEqual({ colour: expect.stringMatching(/^(red|green|blue)$/), isWarm: expect.any(Boolean) });
  expect(JSON.parse(end?.output ?? '')).toEqual(end?.object);
}

async function forcedTool(caller: Caller): Promise<void> {
  const { events, runId } = await converse(caller, 'tool', { content: CALL, agent: 'writer' });
  const [called] = only(events, 'tool.called');
  expect(called).toMatchObject({ tool: 'write_down', step: 1, arguments: { word: expect.any(String) } });
  expect(only(events, 'tool.completed')[0]).toMatchObject({ callId: called?.callId });
  expect(events.at(-1)).toMatchObject({ type: 'run.completed' });
  const run = await callJson<RunDetail>(caller, 'GET', pathOf('tool', 'runs', runId));
  expect(run.stepList.length).toBeGreaterThan(1);
  for (const step of run.stepList) expect(step.usage?.inputTokens).toBeGreaterThan(0);
}

async function cancelled(caller: Caller): Promise<void> {
  let deltas = 0;
  let stopped: Promise<unknown> | undefined;
  const { events } = await converse(caller, 'stop', { content: 'Count from 1 to 1000.', agent: 'rambler' }, (event) => {
    if (event.type !== 'message.delta') return;
    deltas += 1;
    if (deltas === 5) stopped = callJson(caller, 'POST', pathOf('stop', 'runs', event.runId, 'cancel'), {});
  });
  await stopped;
  const [reply] = only(events, 'message.completed');
  expect(reply).toMatchObject({ partial: true, finish: 'cancelled' });
  expect(reply?.text).not.toBe('');
  expect(events.at(-1)).toMatchObject({ type: 'run.cancelled' });
  // The server has one slot: that the next message is answered shows that it let go of the other one.
  const next = await converse(caller, 'after', { content: 'Hello', agent: 'talker' });
  expect(next.events.at(-1)).toMatchObject({ type: 'run.completed' });
  expect(only(await eventsOf(caller, 'stop'), 'message.completed')).toHaveLength(1);
}
