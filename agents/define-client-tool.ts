import { z } from 'zod';
import type { Json } from '../contracts/json.ts';
import { LIMITS } from '../contracts/limits.ts';
import { isZodSchema, jsonSchemaOf } from '../contracts/output/zod-output.ts';
import { defineTool, ToolError, type Tool } from './define-tool.ts';

export interface ClientToolOptions {
  /** 1 to 64 letters, digits, `_` or `-`, as providers require. */
  readonly name: string;
  /** Sent to the model. */
  readonly description: string;
  /** A zod object schema of the arguments. Its JSON Schema is sent to the model. */
  readonly parameters: z.ZodType;
  /** A zod schema of the result: an answer that does not match it is refused. Default: any JSON. */
  readonly result?: z.ZodType;
  /** How long a call waits for its result, in ms, at least 1 second. Default: the agent's `approvals.expiresMs`. */
  readonly timeoutMs?: number;
}

const optionsSchema = z.object({
  result: z.custom<z.ZodType>(isZodSchema, 'must be a zod schema').optional(),
  timeoutMs: z.number().int().min(1_000).max(LIMITS.approvalWaitMs.value).optional(),
});

/**
 * Defines a tool without code: whoever talks to the session makes the call and hands the result in, while the run waits. Throws a
 * TypeError that lists every invalid field.
 */
export function defineClientTool({ result, timeoutMs, ...options }: ClientToolOptions): Tool {
  const parsed = optionsSchema.safeParse({ result, timeoutMs });
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new TypeError(`The client tool ${JSON.stringify(options.name)} is not valid: ${problems.join('; ')}.`);
  }
  const tool = defineTool({ ...options, execute: executedByClients });
  const schema = result === undefined ? {} : { result: jsonSchemaOf(result) };
  return Object.freeze({ ...tool, client: { ...schema, ...(timeoutMs === undefined ? {} : { timeoutMs }) } });
}

function executedByClients(): Json {
  throw new ToolError('The tool is executed by clients.');
}
