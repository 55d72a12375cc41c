import { createHash } from 'node:crypto';
import type { MessageInput } from '../../contracts/session/message.ts';

/** Returns the SHA-256, in base64url, of a message's canonical JSON. Two bodies under one message id are the same if their hashes are equal; an absent field equals null. */
export function messageHash({ agent, content, whileRunning }: MessageInput): string {
  const canonical = JSON.stringify({ agent: agent ?? null, content, whileRunning: whileRunning ?? null });
  return createHash('sha256').update(canonical).digest('base64url');
}
