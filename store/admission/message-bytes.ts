import type { IncomingMessage } from './admission-request.ts';

/** The bytes of a message that wait in the store with its run: its content, and the schema of its answer as JSON. */
export function messageBytes({ content, parts, output }: IncomingMessage): number {
  return (
    Buffer.byteLength(content) +
    (parts ? Buffer.byteLength(JSON.stringify(parts)) : 0) +
    (output ? Buffer.byteLength(JSON.stringify(output)) : 0)
  );
}
