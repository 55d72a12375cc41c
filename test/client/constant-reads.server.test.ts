import { expect, onTestFinished, test } from 'vitest';
import { createPerdure } from '../../client/create-perdure.ts';
import { createGateway } from '../../gateway/create-gateway.ts';
import { serveGateway } from '../../gateway/serve-gateway.ts';
import { registry, startStack } from '../support/stack.ts';
import { testTemporal } from '../support/temporal/temporal-server.ts';

const PARAGRAPH = 'A sentence of the answer. '.repeat(40);

test('a turn reads as much in a session of many turns as in a new one: asked, repeated, and read by its run', async () => {
  await using stack = await startStack({ temporal: await testTemporal(), model: () => PARAGRAPH });
  const { db, live, sender } = stack;
  const gateway = createGateway({ db, live, sender, agents: registry([{ name: 'assistant' }], []) });
  const served = await serveGateway({ gateway, port: 0 });
  onTestFinished(() => served.close());
  let bytes = 0;
  const counting: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body?.pipeThrough(counter) ?? null, response);
  };
  const session = createPerdure({ gateway: served.url, fetch: counting }).session('long');
  const read = async (work: () => Promise<unknown>): Promise<number> => {
    bytes = 0;
    await work();
    return bytes;
  };
  const turn = async (n: number): Promise<Record<string, number>> => {
    const message = { id: `message-${n}`, content: 'Go on.' };
    let runId = '';
    return {
      asked: await read(async () => ({ runId } = await session.ask(message))),
      repeated: await read(() => session.ask(message)),
      'read by its run': await read(() => drain(session.stream({ runId }))),
    };
  };
  const first = await turn(100);
  for (let n = 101; n < 120; n++) await session.ask({ id: `message-${n}`, content: 'Go on.' });
  const last = await turn(120);
  const growth = Object.entries(last).map(([what, size]) => size - (first[what] ?? 0));
  // Twenty turns are 60,000 bytes. A stream of live text comes in more or fewer parts.
  expect(Math.max(...growth)).toBeLessThan(8_000);
}, 120_000);

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events);
}
