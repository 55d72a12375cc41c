import type { MessagePart } from '../contracts/attachments/content-parts.ts';

/** A part of a message that is no image and no file, as text. */
export function partText(part: Extract<MessagePart, { type: 'text' | 'data' }>): string {
  if (part.type === 'text') return part.text;
  return `${part.name === undefined ? '' : `${part.name}:\n`}${JSON.stringify(part.data)}`;
}
