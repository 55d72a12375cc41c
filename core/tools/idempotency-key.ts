import { createHash } from 'node:crypto';
import type { SessionKey } from '../../contracts/session/session-key.ts';

/**
 * The key of a tool call, the same for all its attempts: the hexadecimal SHA-256 of user, session, run and call. It reveals
 * none of them.
 */
export function idempotencyKey({ user, session }: SessionKey, runId: string, callId: string): string {
  return createHash('sha256')
    .update(JSON.stringify([user, session, runId, callId]))
    .digest('hex');
}
