import { array, assert, asyncProperty, integer } from 'fast-check';
import { expect, test } from 'vitest';
import { createGatewayClient } from '../../../client/http/gateway-client.ts';
import { GatewayUnreachableError } from '../../../client/http/gateway-unreachable-error.ts';
import { EMPTY_TEXT_VIEW, foldText, stepOf } from '../../../core/text/text-view.ts';
import type { StreamEvent } from '../../../contracts/events/event.ts';
import { problem, startFakeGateway } from '../../support/gateway/fake-gateway.ts';
import { completed, deltasOf, eventWriter, received, runCompleted, started } from '../../support/gateway/run-events.ts';

const THOUGHT = 'Wonder about it: '.repeat(6);
const FIRST = 'The first half — with ümlauts, 漢字 and 🎉 — '.repeat(4);
const SECOND = 'and the second half.'.repeat(10);

/** One run of two steps, the first with two attempts. */
function script(): StreamEvent[] {
  const writer = eventWriter();
  const first = { runId: 'r', step: 1, attempt: 1 };
  const retried = { ...first, attempt: 2 };
  const second = { runId: 'r', step: 2, attempt: 1 };
  return [
    writer.durable({ type: 'session.opened', agent: 'assistant' }),
    received(writer, 'r', 'm', 'Hi'),
    started(writer, 'r'),
    ...deltasOf(writer, 'message.delta', first, 'Dropped text that nobody keeps', 5),
    writer.live({ type: 'step.retracted', ...first } as never),
    ...deltasOf(writer, 'reasoning.delta', retried, THOUGHT, 7),
    ...deltasOf(writer, 'message.delta', retried, FIRST, 4),
    writer.durable({ type: 'reasoning.completed', ...retried, text: THOUGHT }),
    completed(writer, retried, FIRST),
    ...deltasOf(writer, 'message.delta', second, SECOND, 3),
    completed(writer, second, SECOND),
    runCompleted(writer, 'r', SECOND, 2),
  ];
}

/** The text of each attempt of each step for a reader that only cuts and appends, and how many deltas did not simply append. */
function readSimply(events: readonly StreamEvent[]) {
  const texts = new Map<string, string>();
  let overlaps = 0;
  for (const event of events) {
    if (event.type !== 'message.delta') continue;
    const id = `${event.step}/${event.attempt}`;
    const text = texts.get(id) ?? '';
    if (event.offset !== text.length) overlaps += 1;
    texts.set(id, text.slice(0, event.offset) + event.delta);
  }
  return { texts, overlaps };
}

test('a stream cut at random bytes misses no event, repeats none, and its deltas join to the text', async () => {
  const cuts = array(integer({ min: 1, max: 3_000 }), { minLength: 15, maxLength: 25 });
  await assert(
    asyncProperty(cuts, async (bytes) => {
      const left = [...bytes];
      const gateway = await startFakeGateway({ bytesUntilCut: () => left.shift() });
      const client = createGatewayClient({ url: gateway.url });
      const all = script();
      const seen: StreamEvent[] = [];
      const reading = (async () => {
        for await (const event of client.stream('s', { runId: 'r' })) seen.push(event);
      })();
      for (const [index, event] of all.entries()) {
        // Some events are emitted while no reader is connected.
        if (index % 3 !== 0) await gateway.connected();
        gateway.emit(event);
      }
      await reading;
      await gateway.close();

      const durable = all.filter((event) => 'seq' in event).slice(1);
      expect(seen.filter((event) => 'seq' in event)).toEqual(durable);
      const { texts, overlaps } = readSimply(seen);
      expect(overlaps).toBe(0);
      expect(FIRST.startsWith(texts.get('1/2') ?? '')).toBe(true);
      expect(SECOND.startsWith(texts.get('2/1') ?? '')).toBe(true);
      const view = seen.reduce(foldText, EMPTY_TEXT_VIEW);
      expect(stepOf(view, 'r', 1)).toMatchObject({ text: FIRST, reasoning: THOUGHT, complete: true });
      expect(stepOf(view, 'r', 2)).toMatchObject({ text: SECOND, complete: true });
    }),
    { numRuns: 15 },
  );
}, 60_000);

test('a stream continues after the gateway is restarted on the same port, and reports the interruption', async () => {
  const all = script();
  const states: string[] = [];
  const first = await startFakeGateway();
  const events = createGatewayClient({ url: first.url }).stream('s', {
    runId: 'r',
    onConnection: (state) => states.push(state),
  });
  const opening = events.next();
  await first.connected();
  first.emit(...all.slice(0, 30));
  const seen: StreamEvent[] = [(await opening).value as StreamEvent];
  await first.close();
  const history = all.slice(0, 30).filter((event) => 'seq' in event);
  const second = await startFakeGateway({ port: first.port, history });
  second.emit(...all.slice(30));
  for await (const event of events) seen.push(event);
  await second.close();
  expect(states).toEqual(['lost', 'back']);
  expect(seen.filter((event) => 'seq' in event)).toHaveLength(6);
});

test('a reconnect sends the last event as Last-Event-ID, and the first connection sends `after`', async () => {
  const writer = eventWriter();
  const gateway = await startFakeGateway();
  const events = createGatewayClient({ url: gateway.url }).stream('s', { after: 1 });
  const next = events.next();
  await gateway.connected();
  gateway.emit(writer.durable({ type: 'session.opened', agent: 'a' }), received(writer, 'r', 'm', 'Hi'));
  expect((await next).value).toMatchObject({ seq: 2 });
  const later = events.next();
  gateway.cut();
  await gateway.connected();
  gateway.emit(started(writer, 'r'));
  expect((await later).value).toMatchObject({ seq: 3 });
  await events.return(undefined);
  await gateway.close();
  expect(gateway.requests.map((request) => request.query.get('after'))).toEqual(['1', null]);
  expect(gateway.requests[1]?.headers['last-event-id']).toBe('2');
});

test('a failed first connection is an error that names the URL', async () => {
  const gateway = await startFakeGateway();
  await gateway.close();
  const reading = createGatewayClient({ url: gateway.url }).stream('s').next();
  await expect(reading).rejects.toThrow(GatewayUnreachableError);
  await expect(createGatewayClient({ url: gateway.url }).stream('s').next()).rejects.toThrow(gateway.url);
});

test('a session that does not exist is an error, before and after a reconnect', async () => {
  let gone = false;
  const gateway = await startFakeGateway({
    handle: () => (gone ? problem(404, 'not_found', 'No session s.') : undefined),
  });
  const events = createGatewayClient({ url: gateway.url }).stream('s');
  const next = events.next();
  await gateway.connected();
  gone = true;
  gateway.cut();
  await expect(next).rejects.toMatchObject({ code: 'not_found', message: 'No session s.' });
  await gateway.close();
});

test('an aborted stream rejects with the reason and disconnects', async () => {
  const gateway = await startFakeGateway();
  const stop = new AbortController();
  const next = createGatewayClient({ url: gateway.url }).stream('s', { signal: stop.signal }).next();
  await gateway.connected();
  stop.abort(new Error('enough'));
  await expect(next).rejects.toThrow('enough');
  await gateway.close();
});
