import { v7 as uuidv7 } from 'uuid';
import type { MessageInput } from '../../contracts/session/message.ts';

/** The message with an id, a new one if it has none: with an id, sending it again is safe. */
export function withMessageId(message: MessageInput): MessageInput & { readonly id: string } {
  return { ...message, id: message.id ?? uuidv7() };
}
