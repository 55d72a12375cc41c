import { expect, test } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { StreamEvent } from '../../../contracts/events/event.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { child, complete, family, handOver, start, type Family } from '../../store/children/family.ts';
import { beginModel, pin, replyTo } from '../../store/conversation.ts';
import { cost } from '../../store/runs/begun-call.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { readFrames, sessionPath, startGateway, type SseFrame } from '../start-gateway.ts';

const database = embeddedDatabase();

interface Tree extends Family {
  readonly below: SessionKey;
}

/** A run with two children, the first of which has a child of its own. */
async function tree(): Promise<Tree> {
  const { db } = database;
  const all = await family(db, [child('a'), child('b')]);
  const [first] = all.children as [SessionKey];
  await start(db, all);
  const position = await beginModel(db, first, first.session);
  const called = child('c', { depth: 2 });
  await commitStep(db, first, { ...replyTo(first.session, position, { toolCalls: [called] }), cost: cost(0) });
  await beginStep(db, first, { runId: first.session, pin });
  const below = { user: first.user, session: called.child!.childId };
  await start(db, { key: first, runId: first.session, children: [below] });
  return { ...all, below };
}

/** Ends every run of a tree, from the bottom to the top. */
async function finish({ key, runId, children: [first, second], below }: Tree): Promise<void> {
  const { db } = database;
  await complete(db, below);
  await handOver(db, below);
  await complete(db, first!);
  await handOver(db, first!);
  await complete(db, second!);
  await handOver(db, second!);
  const position = await beginModel(db, key, runId);
  await commitStep(db, key, { ...replyTo(runId, position, { text: 'done' }), cost: cost(0) });
}

const isEnd =
  ({ sessionId }: SessionOf) =>
  (event: StreamEvent) =>
    event.type === 'run.completed' && event.sessionId === sessionId;
interface SessionOf {
  readonly sessionId: string;
}

const durable = (frames: readonly SseFrame[]) =>
  frames.flatMap(({ data }) => ('seq' in data ? [`${data.sessionId} ${data.seq}`] : []));

function open({ key }: Tree, query = '', headers: Record<string, string> = {}) {
  const { call } = startGateway(database.db);
  return call('GET', `${sessionPath(key.session, 'events')}?children=true${query}`, undefined, {
    'perdure-user': key.user,
    accept: 'text/event-stream',
    ...headers,
  });
}

test('a stream with children has the events of the whole tree, those of a run between its call and its result', async () => {
  const all = await tree();
  const { key, below } = all;
  const [first] = all.children as [SessionKey];
  const reading = readFrames(await open(all), isEnd({ sessionId: key.session }));
  await finish(all);
  const frames = await reading;
  const at = (session: string, type: string, callId?: string) =>
    frames.findIndex(
      ({ data }) =>
        data.sessionId === session &&
        data.type === type &&
        (callId === undefined || ('callId' in data && data.callId === callId)),
    );
  const order = [
    at(key.session, 'tool.called', 'a'),
    at(first.session, 'message.received'),
    at(first.session, 'tool.called', 'c'),
    at(below.session, 'message.received'),
    at(below.session, 'run.completed'),
    at(first.session, 'tool.completed', 'c'),
    at(first.session, 'run.completed'),
    at(key.session, 'tool.completed', 'a'),
    at(key.session, 'run.completed'),
  ];
  expect(order.every((index) => index >= 0)).toBe(true);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(new Set(durable(frames)).size).toBe(durable(frames).length);
  expect(frames.at(-1)?.id).toMatch(/^\d+$/);
});

test('from the id of any event, a stream goes on without loss or repetition', async () => {
  const all = await tree();
  await finish(all);
  const whole = await readFrames(await open(all), isEnd({ sessionId: all.key.session }));
  const expected = durable(whole).toSorted();
  for (const [index, { id }] of whole.entries()) {
    if (id === undefined || index === whole.length - 1) continue;
    const rest = await readFrames(await open(all, '', { 'last-event-id': id }), isEnd({ sessionId: all.key.session }));
    expect([...durable(whole.slice(0, index + 1)), ...durable(rest)].toSorted()).toEqual(expected);
  }
}, 60_000);

test('a reader that begins after the calls gets the runs that have not returned, from their start', async () => {
  const all = await tree();
  const { events } = (await (
    await startGateway(database.db).call('GET', sessionPath(all.key.session, 'events'), undefined, {
      'perdure-user': all.key.user,
      accept: 'application/json',
    })
  ).json()) as { events: { seq: number }[] };
  const reading = readFrames(await open(all, `&after=${events.at(-1)!.seq}`), isEnd({ sessionId: all.key.session }));
  await finish(all);
  const sessions = new Set((await reading).map(({ data }) => data.sessionId));
  expect(sessions).toEqual(new Set([all.key, ...all.children, all.below].map(({ session }) => session)));
});

test('the stream of a run ends with that run, and a call that was cancelled is not waited for', async () => {
  const all = await tree();
  const { call } = startGateway(database.db);
  const response = await call(
    'GET',
    `${sessionPath(all.key.session, 'events')}?children=true&run=${all.runId}`,
    undefined,
    {
      'perdure-user': all.key.user,
      accept: 'text/event-stream',
    },
  );
  const end = { status: 'cancelled', reason: 'cancelled' } as const;
  await commitRunEnd(database.db, all.key, { runId: all.runId, end, partial: null, failSession: false });
  const frames = await readFrames(response);
  expect(frames.at(-1)?.data).toMatchObject({ type: 'run.cancelled', sessionId: all.key.session });
});

test('a cursor that is none is refused, and so are pages with children', async () => {
  const all = await tree();
  for (const id of ['1~', '1~child-x', 'x', '1~other:1', '1~child-x:99999999999'])
    expect([id, (await open(all, '', { 'last-event-id': id })).status]).toEqual([id, 400]);
  const page = await open(all, '', { accept: 'application/json' });
  expect([page.status, await page.json()]).toMatchObject([
    400,
    { detail: expect.stringContaining('/v1/runs/{childRunId}/events') },
  ]);
});
