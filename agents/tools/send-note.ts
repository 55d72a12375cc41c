import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { defineTool, type Tool } from '../define-tool.ts';

/**
 * Appends a line of JSON (`{at, key, user, text}`) to a file. Deliberately not idempotent: an example of a real side
 * effect, whose call ends as `unknown` after a crash. The key in the line shows whether it was written.
 */
export function createSendNote({ path }: { readonly path: string }): Tool {
  return defineTool({
    name: 'send_note',
    description: 'Writes a note to the notes file of this deployment, where people read it.',
    parameters: z.strictObject({ text: z.string().trim().min(1).max(2_000) }),
    timeoutMs: 10_000,
    execute: async ({ text }, { idempotencyKey, session, signal }) => {
      signal.throwIfAborted();
      await mkdir(dirname(path), { recursive: true });
      const line = { at: new Date().toISOString(), key: idempotencyKey, user: session.user, text };
      await appendFile(path, `${JSON.stringify(line)}\n`);
      return { sent: true };
    },
  });
}
