import { createPerdure, type Receipt } from '../../../client/index.ts';

/** A backend that knows one address: sends, streams and reads, and prints what it got. */
const [, , gateway = ''] = process.argv;
const perdure = createPerdure({ gateway, user: 'ada' });
const session = perdure.session('trip');
const opened = await session.open();
const message = { id: 'm1', content: 'What is 12 * 34?' };
let receipt: Receipt | undefined;
let streamed = '';
const types: string[] = [];
// Streams before it sends, so that every delta comes live.
for await (const event of session.stream()) {
  types.push(event.type);
  if (event.type === 'session.opened') receipt = await session.send(message);
  if (event.type === 'message.delta') streamed += event.delta;
  if (event.type === 'run.completed') break;
}
const again = await session.send(message);
const asked = await session.ask('And in words?');
const run = await perdure.run('On its own');
const { text } = await run.answer();
await session.update({ metadata: { topic: 'sums' } });
await session.end();
const { status, metadata } = await session.snapshot();
const listed = (await perdure.list()).data.map(({ id }) => id);
const transcript = (await session.transcript()).map((entry) => entry.role);
const throughTemporal = await createPerdure({ gateway, temporal: {} })
  .session('other')
  .send('Hi')
  .catch((error: unknown) => String(error));
await perdure.close();
console.log(
  JSON.stringify({
    opened,
    sameReceipt: again.runId === receipt?.runId,
    streamed,
    types,
    asked: asked.text,
    run: text,
    status,
    metadata,
    listed,
    transcript,
    throughTemporal,
  }),
);
