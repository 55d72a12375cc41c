import { z } from 'zod';
import type { Json } from '../../contracts/json.ts';
import { defineClientTool } from '../define-client-tool.ts';
import type { Tool } from '../define-tool.ts';

const parametersSchema = z.object({
  question: z.string().min(1).max(4_000).describe('The question, in the language of the user.'),
  choices: z
    .array(z.string().min(1).max(200))
    .min(2)
    .max(50)
    .optional()
    .describe('The answers to choose from. Leave it out for a free answer.'),
  schema: z
    .record(z.string(), z.json())
    .optional()
    .describe('JSON Schema of the answer, for an answer with several fields. Leave it out for text.'),
});

const tool = defineClientTool({
  name: 'ask_user',
  description:
    'Asks the user a question and waits for the answer. Use it when something that only the user can decide is missing.',
  parameters: parametersSchema,
});

/** Asks the user: a question, to be answered by text, by one of several choices, or by JSON of a schema. */
export const askUser: Tool = Object.freeze({ ...tool, resultSchemaFor: answerSchema });

/** The schema of the answer to a question. */
function answerSchema(args: Json): Readonly<Record<string, unknown>> {
  const parsed = parametersSchema.safeParse(args);
  if (!parsed.success) return { type: 'string' };
  const { choices, schema } = parsed.data;
  if (schema) return schema;
  return choices ? { type: 'string', enum: choices } : { type: 'string' };
}
