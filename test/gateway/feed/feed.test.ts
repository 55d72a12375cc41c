import { expect, onTestFinished, test } from 'vitest';
import type { StreamEvent } from '../../../contracts/events/event.ts';
import { gatewayLimits } from '../../../contracts/limits/gateway-limits.ts';
import { createFeed, type Feed } from '../../../gateway/feed/feed.ts';
import { messageScope, runScope } from '../../../gateway/feed/event-scope.ts';
import type { Frame } from '../../../gateway/feed/frame.ts';
import type { Reader } from '../../../gateway/feed/reader.ts';
import type { LiveChannel } from '../../../live/live-channel.ts';
import { AT, KEY, lossyEnd, SessionWorld } from './session-world.ts';

/** Longer than any test. */
const NEVER_MS = 3_600_000;

function feedOver(
  world: SessionWorld,
  options: { live?: LiveChannel; pollMs?: number; commentMs?: number } = {},
): Feed {
  const { live = world.live, pollMs = NEVER_MS, commentMs = NEVER_MS } = options;
  const feed = createFeed({ store: world.store, live, pollMs, commentMs });
  onTestFinished(() => feed.close());
  return feed;
}

async function readUntil(reader: Reader, like: (event: StreamEvent) => boolean): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  while (!events.some(like)) {
    const frames = await reader.next();
    if (frames === null) break;
    events.push(...frames.flatMap(({ event }) => (event === null ? [] : [event])));
  }
  return events;
}

const isDelta = (event: StreamEvent): boolean => event.type === 'message.delta';
const isEnd = (event: StreamEvent): boolean => event.type === 'session.ended';

function deltasOf(events: readonly StreamEvent[]): unknown[] {
  return events.flatMap((event) =>
    event.type === 'message.delta' ? [[event.attempt, event.offset, event.delta]] : [],
  );
}

test('a late reader gets the text so far as one delta, then the rest', async () => {
  const world = new SessionWorld();
  const feed = feedOver(world);
  const first = await feed.open(KEY, { after: 0 });
  await readUntil(first, ({ type }) => type === 'session.opened');
  world.stream(3);
  world.stream(3);
  await readUntil(first, isDelta);
  const late = await feed.open(KEY, { after: 0 });
  expect(deltasOf(await readUntil(late, isDelta))).toEqual([[1, 0, 'r1.1.1']]);
  world.stream(2);
  expect(deltasOf(await readUntil(late, isDelta))).toEqual([[1, 6, ':a']]);
});

test('the first reader of a gateway gets the text so far, even if no further delta follows', async () => {
  const world = new SessionWorld();
  world.stream(6);
  const reader = await feedOver(world).open(KEY, { after: 'now' });
  expect(deltasOf(await readUntil(reader, isDelta))).toEqual([[1, 0, 'r1.1.1']]);
});

test('a snapshot is requested for text that was lost', async () => {
  const world = new SessionWorld();
  let losing = false;
  const reader = await feedOver(world, { live: lossyEnd(world.live, () => losing) }).open(KEY, { after: 0 });
  await readUntil(reader, ({ type }) => type === 'session.opened');
  world.stream(2);
  expect(deltasOf(await readUntil(reader, isDelta))).toEqual([[1, 0, 'r1']]);
  losing = true;
  world.stream(2);
  losing = false;
  world.stream(2);
  expect(deltasOf(await readUntil(reader, isDelta))).toEqual([[1, 2, '.1.1']]);
});

test('a snapshot never shortens the text of readers that are ahead', async () => {
  const world = new SessionWorld();
  const reader = await feedOver(world).open(KEY, { after: 0 });
  await readUntil(reader, ({ type }) => type === 'session.opened');
  world.stream(6);
  await readUntil(reader, isDelta);
  world.live.publish(KEY, {
    kind: 'soFar',
    soFar: { runId: 'r1', step: 1, attempt: 1, reasoning: '', text: 'r1.' },
  });
  world.stream(2);
  expect(deltasOf(await readUntil(reader, isDelta))).toEqual([[1, 6, ':a']]);
});

test.each([true, false])(
  'the text of a failed attempt is retracted once, whether the producer says so (%s)',
  async (says) => {
    const world = new SessionWorld();
    const reader = await feedOver(world).open(KEY, { after: 0 });
    await readUntil(reader, ({ type }) => type === 'session.opened');
    world.stream(6);
    world.retry(says);
    // No text of the second attempt was sent, so there is nothing to retract.
    world.retry(says);
    world.stream(6);
    world.publishLate();
    world.finish();
    const events = await readUntil(reader, isEnd);
    expect(events.filter(({ type }) => type === 'step.retracted')).toMatchObject([{ step: 1, attempt: 1 }]);
    expect(deltasOf(events)).toEqual([
      [1, 0, 'r1.1.1'],
      [3, 0, 'r1.1.3'],
    ]);
  },
);

test('deltas that arrive after their step was committed are dropped', async () => {
  const world = new SessionWorld();
  const reader = await feedOver(world).open(KEY, { after: 0 });
  await readUntil(reader, ({ type }) => type === 'session.opened');
  world.stream(6);
  world.commit(false);
  const late = { type: 'message.delta', at: AT, sessionId: 'main', runId: 'r1', step: 1, attempt: 1 } as const;
  world.live.publish(KEY, { kind: 'live', event: { ...late, offset: 6, delta: 'too late' } });
  world.finish();
  expect(deltasOf(await readUntil(reader, isEnd))).toEqual([[1, 0, 'r1.1.1']]);
});

test('a long session is read in pages, then live, without gap or repeat', async () => {
  const world = new SessionWorld();
  for (let count = 0; count < 650; count += 1) world.receive();
  const reader = await feedOver(world).open(KEY, { after: 20 });
  const before = await readUntil(reader, (event) => 'seq' in event && event.seq === 651);
  world.finish();
  const after = await readUntil(reader, isEnd);
  expect([...before, ...after]).toEqual(world.events.slice(20));
});

test('a reader that does not read holds a bounded queue and misses no durable event', async () => {
  const world = new SessionWorld();
  const feed = feedOver(world);
  const watching = await feed.open(KEY, { after: 0 });
  const slow = await feed.open(KEY, { after: 0 });
  for (const reader of [watching, slow]) await readUntil(reader, ({ type }) => type === 'session.opened');
  const shown = readUntil(watching, isEnd);
  for (let count = 0; count < 5_000; count += 1) {
    if (count % 100 === 0) world.commit(false);
    world.stream(1);
  }
  world.finish();
  await shown;
  const waiting = (await slow.next()) as readonly Frame[];
  expect(waiting.length).toBeLessThanOrEqual(512);
  const rest = await readUntil(slow, isEnd);
  const events = [...waiting.flatMap(({ event }) => (event === null ? [] : [event])), ...rest];
  expect(events.filter((event) => 'seq' in event)).toEqual(world.events.slice(1));
});

test('a reader that fell behind within an attempt gets its retraction', async () => {
  const world = new SessionWorld();
  const feed = feedOver(world);
  const slow = await feed.open(KEY, { after: 0 });
  await readUntil(slow, ({ type }) => type === 'session.opened');
  for (let count = 0; count < 520; count += 1) world.stream(1);
  world.retry(false);
  world.stream(6);
  const events = await readUntil(slow, (event) => event.type === 'message.delta' && event.attempt === 2);
  expect(events.filter(({ type }) => type === 'step.retracted')).toMatchObject([{ attempt: 1 }]);
  expect(deltasOf(events).at(-1)).toEqual([2, 0, 'r1.1.2']);
});

test('readers of one session receive the same bytes', async () => {
  const world = new SessionWorld();
  const feed = feedOver(world);
  const readers = await Promise.all(Array.from({ length: 100 }, async () => feed.open(KEY, { after: 'now' })));
  const next = readers.map(async (reader) => reader.next());
  world.receive();
  const bytes = (await Promise.all(next)).map((frames) => frames?.[0]?.bytes);
  expect(new Set(bytes).size).toBe(1);
  for (const reader of readers) reader.close();
  expect(feed.readers).toBe(0);
});

test('an event whose notification was lost is found by polling', async () => {
  const world = new SessionWorld();
  const reader = await feedOver(world, { live: lossyEnd(world.live, () => true), pollMs: 1 }).open(KEY, {
    after: 'now',
  });
  world.finish();
  expect((await readUntil(reader, isEnd)).at(-1)?.type).toBe('session.ended');
});

test('the streams of a deleted session end', async () => {
  const world = new SessionWorld();
  const reader = await feedOver(world, { pollMs: 1 }).open(KEY, { after: 'now' });
  const next = reader.next();
  world.deleted = true;
  expect(await next).toBeNull();
});

test('a session that does not exist is not found, unless it is waited for', async () => {
  const world = new SessionWorld();
  const feed = feedOver(world);
  world.deleted = true;
  await expect(feed.open(KEY, { after: 0 })).rejects.toMatchObject({ code: 'not_found' });
  expect(feed.readers).toBe(0);
  const reader = await feed.open(KEY, { after: 'now', mayBeAbsent: true });
  reader.close();
});

test('an event number beyond the newest is refused', async () => {
  const world = new SessionWorld();
  await expect(feedOver(world).open(KEY, { after: 9 })).rejects.toMatchObject({ code: 'invalid_request' });
});

test('the stream of a message carries the events of its run and ends with it', async () => {
  const world = new SessionWorld();
  const reader = await feedOver(world).open(KEY, { after: 0, scope: messageScope('r1m') });
  world.receive();
  world.stream(4);
  world.receive();
  world.commit(false);
  world.receive();
  const events = await readUntil(reader, () => false);
  const durable = events.filter((event) => 'seq' in event);
  expect(durable.map(({ type }) => type)).toEqual([
    'message.received',
    'run.started',
    'message.completed',
    'run.completed',
  ]);
  expect(events.every((event) => 'runId' in event && event.runId === 'r1')).toBe(true);
});

test('the stream of a run that has ended contains its events and ends', async () => {
  const world = new SessionWorld();
  world.stream(4);
  world.finish();
  const reader = await feedOver(world).open(KEY, { after: 0, scope: runScope('r1') });
  expect((await readUntil(reader, () => false)).at(-1)?.type).toBe('run.completed');
});

test('an idle stream receives comments', async () => {
  const world = new SessionWorld();
  const reader = await feedOver(world, { commentMs: 1 }).open(KEY, { after: 'now' });
  const [comment] = (await reader.next()) ?? [];
  expect(new TextDecoder().decode(comment?.bytes)).toMatch(/^: .*\n\n$/);
});

test("a user's readers that are not read hold no more than the user's share; the others read when there is room", async () => {
  const world = new SessionWorld();
  const feed = createFeed({
    store: world.store,
    live: world.live,
    pollMs: NEVER_MS,
    commentMs: NEVER_MS,
    limits: { ...gatewayLimits(), streamBufferBytesPerUser: 1 },
  });
  onTestFinished(() => feed.close());
  const held = await feed.open(KEY, { after: 0 });
  expect((await held.nextFrame())?.event?.type).toBe('session.opened');
  const other = await feed.open(KEY, { after: 0 });
  let arrived = false;
  const frame = other.nextFrame().finally(() => (arrived = true));
  await new Promise((resolve) => void setImmediate(() => void setImmediate(resolve)));
  expect(arrived).toBe(false);
  held.close();
  expect((await frame)?.event?.type).toBe('session.opened');
  other.close();
});
