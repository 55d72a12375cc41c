import type { ModelMessage } from '../model-client.ts';

/**
 * Joins consecutive messages of the user, and consecutive texts of the assistant. They follow one another when a run has failed
 * or was cancelled, and when messages were steered into one. Many models' templates require user and assistant in turns.
 */
export function joinMessages(messages: readonly ModelMessage[]): ModelMessage[] {
  const joined: ModelMessage[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    const both = last && join(last, message);
    if (both) joined[joined.length - 1] = both;
    else joined.push(message);
  }
  return joined;
}

function join(last: ModelMessage, next: ModelMessage): ModelMessage | null {
  if (last.role === 'user' && next.role === 'user')
    return { role: 'user', content: paragraphs(last, next), ...partsOf(last, next) };
  if (last.role !== 'assistant' || next.role !== 'assistant' || last.toolCalls.length > 0) return null;
  return { ...next, content: paragraphs(last, next) };
}

type UserMessage = Extract<ModelMessage, { role: 'user' | 'system' }>;

function partsOf(...messages: readonly UserMessage[]): Pick<UserMessage, 'parts'> {
  if (messages.every((message) => message.parts === undefined)) return {};
  return { parts: messages.flatMap((message) => message.parts ?? [{ type: 'text' as const, text: message.content }]) };
}

function paragraphs(...parts: readonly { readonly content: string }[]): string {
  return parts
    .map(({ content }) => content)
    .filter((content) => content !== '')
    .join('\n\n');
}
