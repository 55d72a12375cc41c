import type { Json } from '../../../contracts/json.ts';
import { formFields, parseForm, type FormField } from './form.ts';

/** The name of the built-in client tool that asks the user. */
export const ASK_USER = 'ask_user';

/** A question of the tool `ask_user`. */
export interface UserQuestion {
  readonly question: string;
  readonly choices: readonly string[];
  /** Whether the answer is JSON of a schema, not a text. */
  readonly isJson: boolean;
  /** The fields that are typed in place of JSON. Default: the answer is typed as JSON. */
  readonly fields?: readonly FormField[] | null;
  /** The MCP server that asks. Default: the agent does. */
  readonly server?: string | null;
}

/** The answer that a line typed under a question stands for: of choices, the one with the number. Throws a SyntaxError for a line that must be JSON, or the fields of a form, and is not. */
export function parseQuestionReply({ choices, isJson, fields }: UserQuestion, line: string): Json {
  const typed = line.trim();
  if (fields) return parseForm(fields, typed);
  const choice = /^\d{1,4}$/.test(typed) ? choices[Number(typed) - 1] : undefined;
  const same = choices.find((one) => one.toLowerCase() === typed.toLowerCase());
  return choice ?? same ?? (isJson ? (JSON.parse(typed) as Json) : typed);
}

/** The question of a call of `ask_user`. */
export function userQuestionOf(args: Json): UserQuestion {
  const { question, choices, schema, server } = (typeof args === 'object' && args !== null ? args : {}) as {
    readonly question?: unknown;
    readonly choices?: unknown;
    readonly schema?: { readonly type?: unknown };
    readonly server?: unknown;
  };
  return {
    question: typeof question === 'string' ? question : '',
    choices: Array.isArray(choices) ? choices.filter((one) => typeof one === 'string') : [],
    isJson: schema !== undefined && schema.type !== 'string',
    fields: formFields(schema),
    server: typeof server === 'string' ? server : null,
  };
}
