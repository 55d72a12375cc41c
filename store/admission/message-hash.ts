import { createHash } from 'node:crypto';
import type { MessageInput } from '../../contracts/session/message.ts';

/** What makes two bodies under one message id the same: the SHA-256 of their canonical JSON, what is absent as null. */
export function messageHash({ agent, content, whileRunning }: MessageInput): string {
  const canonical = JSON.stringify({ agent: agent ?? null, content, whileRunning: whileRunning ?? null });
  return createHash('sha256').update(canonical).digest('base64url');
}
