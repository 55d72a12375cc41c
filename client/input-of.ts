import type { MessageContent, MessageInput } from '../contracts/session/message.ts';

/** The message that a content stands for. */
export function inputOf(message: MessageContent | MessageInput): MessageInput {
  return typeof message === 'string' || Array.isArray(message) ? { content: message } : message;
}
