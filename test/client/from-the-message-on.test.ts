import { expect, onTestFinished, test } from 'vitest';
import { createPerdure } from '../../client/create-perdure.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import { problem, startFakeGateway, type FakeGatewayOptions } from '../support/gateway/fake-gateway.ts';
import { eventWriter, received, runCompleted, started } from '../support/gateway/run-events.ts';

const entry = (content: string): TranscriptEntry => ({ role: 'user', runId: 'r', messageId: content, content });

async function fakeGateway(options: FakeGatewayOptions) {
  const gateway = await startFakeGateway(options);
  onTestFinished(() => gateway.close());
  return { gateway, session: createPerdure({ gateway: gateway.url }).session('s') };
}

test('ask reads from its message on, and nothing else of the session', async () => {
  const writer = eventWriter();
  const history = [
    received(writer, 'r1', 'm1', 'Earlier'),
    runCompleted(writer, 'r1', 'Earlier answer.'),
    received(writer, 'r2', 'm2', 'Hi'),
    started(writer, 'r2'),
    runCompleted(writer, 'r2', 'Hello.'),
  ];
  const receipt = { messageId: 'm2', runId: 'r2', disposition: 'started', position: 0, seq: history[2]?.seq };
  const { gateway, session } = await fakeGateway({
    history,
    handle: ({ method }) => (method === 'POST' ? { status: 202, body: receipt } : undefined),
  });
  expect(await session.ask({ id: 'm2', content: 'Hi' })).toMatchObject({ text: 'Hello.' });
  expect(gateway.requests.map(({ method, path, query }) => [method, path, query.get('after')])).toEqual([
    ['POST', '/v1/sessions/s/messages', null],
    ['GET', '/v1/sessions/s/events', String((history[2]?.seq ?? 0) - 1)],
  ]);
});

test('a stream of a run asks for its events only, and ends at once when there are none', async () => {
  const { gateway, session } = await fakeGateway({ handle: () => ({ status: 204 }) });
  for await (const event of session.stream({ runId: 'r1' })) throw new Error(`There is the event ${event.type}.`);
  expect(gateway.requests.map(({ query }) => query.toString())).toEqual(['run=r1']);
});

test('a transcript is read to its last page', async () => {
  const { session } = await fakeGateway({
    handle: ({ query }) => {
      const cursor = query.get('cursor');
      if (cursor === null) return { body: { data: [entry('one')], nextCursor: 'next' } };
      return cursor === 'next'
        ? { body: { data: [entry('two')], nextCursor: null } }
        : problem(400, 'invalid_request', cursor);
    },
  });
  expect((await session.transcript()).map(({ content }) => content)).toEqual(['one', 'two']);
});
