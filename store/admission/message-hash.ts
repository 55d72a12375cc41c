import { createHash } from 'node:crypto';
import type { JsonObject } from '../../contracts/json.ts';
import { canonicalJson } from '../../contracts/canonical-json.ts';
import type { MessagePart } from '../../contracts/attachments/content-parts.ts';
import type { IncomingMessage } from './admission-request.ts';

/** Returns the SHA-256, in base64url, of a message's canonical JSON. Two bodies under one message id are the same if their hashes are equal; an absent field equals null. */
export function messageHash({ agent, content, parts, whileRunning, output, pin }: Omit<IncomingMessage, 'id'>): string {
  const canonical = JSON.stringify({ agent: agent ?? null, content, whileRunning: whileRunning ?? null });
  // Messages from before `output` and `pin` have no such parts in their hash. A schema is an object, so the two differ.
  const schema = output ? canonicalJson(output) : '';
  const pinned = pin === true ? 'pin' : '';
  const refers = parts ? canonicalJson(parts.map(identityOf)) : '';
  return createHash('sha256').update(canonical).update(schema).update(pinned).update(refers).digest('base64url');
}

/** Of an attachment its id, which stands for its content. */
function identityOf(part: MessagePart): JsonObject {
  switch (part.type) {
    case 'text':
      return { type: part.type, text: part.text };
    case 'data':
      return { type: part.type, data: part.data, name: part.name ?? null };
    case 'image':
    case 'file':
      return { type: part.type, attachmentId: part.attachmentId };
  }
}
