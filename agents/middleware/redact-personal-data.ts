import { z } from 'zod';
import type { MessagePart } from '../../contracts/attachments/content-parts.ts';
import type { Json } from '../../contracts/json.ts';
import { PERSONAL_DATA_KINDS, redactText, type PersonalDataKind } from '../../core/text/personal-data.ts';
import { ToolError } from '../define-tool.ts';
import { defineMiddleware } from './define-middleware.ts';

/**
 * Replaces personal data by its kind, such as `[email]`, in the messages that models are given and in the results of tools, and with
 * `answers` in answers. The store keeps messages as they were sent, and results and answers as they were redacted.
 */
export const redactPersonalData = defineMiddleware({
  name: 'redactPersonalData',
  optionsSchema: z.strictObject({
    kinds: z
      .array(z.enum(PERSONAL_DATA_KINDS))
      .min(1)
      .default([...PERSONAL_DATA_KINDS]),
    /** Whether answers are redacted, too. Their text is then not streamed. */
    answers: z.boolean().default(false),
  }),
  holdsText: ({ answers }) => answers,
  input: ({ messages, options }) => ({
    change: Object.fromEntries(
      messages.map(({ id, content, parts }) => [
        id,
        parts ? { parts: parts.map((part) => redactPart(part, options.kinds)) } : redactText(content, options.kinds),
      ]),
    ),
  }),
  tool: async ({ options: { kinds } }, next) => {
    try {
      return redactJson(await next(), kinds);
    } catch (error) {
      const { message, retryable } = error as { readonly message?: unknown; readonly retryable?: unknown };
      throw new ToolError(redactText(String(message), kinds), { retryable: retryable !== false, cause: error });
    }
  },
  output: ({ text, options }) => (options.answers ? { text: redactText(text, options.kinds) } : undefined),
});

/** Redacts the text of a part, the texts in its data, and its name. The content of a file is not read. */
function redactPart(part: MessagePart, kinds: readonly PersonalDataKind[]): MessagePart {
  if (part.type === 'text') return { ...part, text: redactText(part.text, kinds) };
  const name = part.name === undefined ? {} : { name: redactText(part.name, kinds) };
  if (part.type === 'data') return { ...part, ...name, data: redactJson(part.data, kinds) };
  return { ...part, ...name };
}

/** Redacts the texts in a value, and numbers that are personal data as a whole. Names of properties stay. */
function redactJson(value: Json, kinds: readonly PersonalDataKind[]): Json {
  if (typeof value === 'string') return redactText(value, kinds);
  if (typeof value === 'number') {
    const text = redactText(String(value), kinds);
    return text === String(value) ? value : text;
  }
  if (Array.isArray(value)) return value.map((part) => redactJson(part, kinds));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, redactJson(part, kinds)]));
}
