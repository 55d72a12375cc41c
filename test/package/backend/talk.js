// @ts-check
/** A backend in JavaScript: sends a message to the gateway at `argv[2]` and prints events and answer. */
import { createGatewayClient, PerdureError } from 'perdure';

const client = createGatewayClient({ url: process.argv[2] });
const { receipt, answer } = await client.sendAndWait('trip', { id: 'm-1', content: process.argv[3] ?? '' }, 30);
for await (const event of client.stream('trip', receipt.runId === null ? {} : { runId: receipt.runId })) {
  if (event.type === 'tool.completed') console.log(event.type, JSON.stringify(event.result));
}
console.log('answer', answer);
const again = await client.send('trip', { id: 'm-1', content: process.argv[3] ?? '' });
console.log('receipt', again.runId === receipt.runId ? 'same' : 'another');
/** @type {string} */
const code = await client.snapshot('nowhere').then(
  () => 'found',
  (error) => (error instanceof PerdureError ? error.code : String(error)),
);
console.log('error', code);
