import { createHash } from 'node:crypto';
import type { SessionKey } from '../../contracts/session/session-key.ts';

/**
 * The key that every try of one tool call carries, and no other call: the SHA-256 of user, session, run
 * and call, hexadecimal. Whoever sees it learns none of them.
 */
export function idempotencyKey({ user, session }: SessionKey, runId: string, callId: string): string {
  return createHash('sha256')
    .update(JSON.stringify([user, session, runId, callId]))
    .digest('hex');
}
