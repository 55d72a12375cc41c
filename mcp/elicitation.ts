import type { InputRequests } from '@modelcontextprotocol/client';
import type { Json, JsonObject } from '../contracts/json.ts';
import { LIMITS } from '../contracts/limits.ts';
import { outputSchemaProblem } from '../contracts/output/output-schema-problem.ts';
import { McpError } from './mcp-error.ts';

/** A question that a server asks the user in the middle of a call: a form. */
export interface McpQuestion {
  readonly message: string;
  /** JSON Schema of the answer, an object. */
  readonly schema: JsonObject;
}

/** The answer to a question. `decline`: the user refuses. `cancel`: there is no answer. */
export type McpAnswer =
  | { readonly action: 'accept'; readonly content: JsonObject }
  | { readonly action: 'decline' | 'cancel' };

/** A call that has ended with questions: it is made again with the answers and the state. By the versions of the protocol from 2026-07-28. */
export interface InputRequired {
  readonly questions: Readonly<Record<string, McpQuestion>>;
  /** Given back as it is; null for none. */
  readonly state: string | null;
}

/** What a call that has ended with questions is made again with. */
export interface McpAnswers {
  readonly answers: Readonly<Record<string, McpAnswer>>;
  readonly state: string | null;
}

const MESSAGE_CHARACTERS = 4_000;

/** Reads the parameters of a request for input. Throws an {@link McpError} that says what is not accepted: URLs, and forms that cannot be checked. */
export function questionIn(params: unknown): McpQuestion {
  const { mode = 'form', message, requestedSchema } = params as Readonly<Record<string, unknown>>;
  if (mode !== 'form') throw new McpError('Only forms are shown to the user: opening a URL for them is not supported.');
  if (typeof message !== 'string' || message.trim() === '')
    throw new McpError('The question to the user has no message.');
  const problem = outputSchemaProblem(requestedSchema);
  if (problem !== null) {
    const where = problem.path.length === 0 ? 'it' : problem.path.join('.');
    throw new McpError(`The schema of the question to the user cannot be used: ${where} ${problem.message}.`);
  }
  return { message: message.slice(0, MESSAGE_CHARACTERS).toWellFormed(), schema: requestedSchema as JsonObject };
}

/** Reads the result of a call that has ended with questions. Throws an {@link McpError} for a request of anything else, such as a model's answer. */
export function inputRequiredIn({
  inputRequests = {},
  requestState = null,
}: {
  readonly inputRequests?: InputRequests | undefined;
  readonly requestState?: string | null | undefined;
}): InputRequired {
  const limit = LIMITS.mcpQuestionStateBytes.value;
  if (requestState !== null && Buffer.byteLength(requestState) > limit)
    throw new McpError(`The state of the call has more than ${limit} bytes.`);
  const entries = Object.entries(inputRequests).map(([key, request]) => {
    if (request.method !== 'elicitation/create')
      throw new McpError(`The server asks for ${JSON.stringify(request.method)}, which this client does not offer.`);
    return [key, questionIn(request.params)] as const;
  });
  return { questions: Object.fromEntries(entries), state: requestState };
}

/** The content of an accepted form, which is an object by its schema. */
export function accepted(result: Json): McpAnswer {
  return typeof result === 'object' && result !== null && !Array.isArray(result)
    ? { action: 'accept', content: result }
    : { action: 'cancel' };
}
