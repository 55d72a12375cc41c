import { z } from 'zod';
import { retryPolicySchema, type RetryPolicy, type ToolSpec } from '../contracts/agent.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { Json, JsonObject } from '../contracts/json.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import { namespaceSchema } from '../contracts/session/state.ts';
import { describeIssues } from './describe-issues.ts';
import type { StartWorkflow } from './start-workflow.ts';
import type { ToolMetadata, ToolState } from './tool-state.ts';

/** What a tool is given beside its arguments. `Read` and `Write`: its state, as its `stateSchema` gives and takes it. */
export interface ToolContext<Read = JsonObject, Write = Read> {
  readonly session: SessionKey;
  readonly runId: string;
  readonly step: number;
  readonly callId: string;
  /** The same for every try of one call: hand it to whatever must not act twice. */
  readonly idempotencyKey: string;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Aborted by a cancel, a timeout, or a worker's shutdown at the end of its grace time. */
  readonly signal: AbortSignal;
  /** The session's state: the tool's own namespace, and, to read, the others. */
  readonly state: ToolState<Read, Write>;
  /** The session's metadata, which its tools and its application share. */
  readonly metadata: ToolMetadata;
  /** Starts a Temporal workflow, once however often the call is tried. */
  readonly startWorkflow: StartWorkflow;
  /** Shows progress to whoever watches; live only, never stored. */
  readonly progress: (progress: Json) => void;
}

export interface ToolOptions<Schema extends z.ZodType, State extends z.ZodType = AnyState> {
  /** 1 to 64 letters, digits, `_` or `-`: what providers accept. */
  readonly name: string;
  /** Told to the model. */
  readonly description: string;
  /** A zod object: what the model must send. Its JSON Schema is told to the model. */
  readonly parameters: Schema;
  /** Whether a call may be run again, with the same key, after a crash. Default false: then it ends as `unknown`. */
  readonly idempotent?: boolean;
  /** One try, in ms, up to 24 hours. Default 60,000. */
  readonly timeoutMs?: number;
  /** Tries after a failure. Default: 3 for an idempotent tool, 1 otherwise. */
  readonly retry?: RetryPolicy;
  /** The namespace of the session's state that it changes; tools that name the same one share it. Default: the tool's name. */
  readonly namespace?: string;
  /** A zod object: what its namespace holds, checked on reading and on writing. It must accept `{}`, which is what a new session has. Default: any JSON object. */
  readonly stateSchema?: State;
  /** What it returns must be JSON. What it throws is told to the model as the call's error. */
  readonly execute: (args: z.output<Schema>, context: ToolContext<z.output<State>, z.input<State>>) => unknown;
}

type AnyState = z.ZodRecord<z.ZodString, z.ZodType<Json>>;

/** A tool with its defaults filled in. Made by {@link defineTool}. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly parameters: z.ZodType;
  /** JSON Schema of the arguments, made from `parameters` once. */
  readonly jsonSchema: Readonly<Record<string, unknown>>;
  readonly idempotent: boolean;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly namespace: string;
  /** Null: any JSON object. */
  readonly stateSchema: z.ZodType | null;
  readonly execute: (args: unknown, context: ToolContext) => unknown;
}

/** Thrown by a tool whose answer is an error that another try would only repeat, such as a division by zero. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  /** Read from any error that a tool throws; true is what an error without it means. */
  readonly retryable: boolean;

  constructor(message: string, options: { readonly retryable?: boolean; readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.retryable = options.retryable ?? false;
  }
}

const optionsSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "_" or "-"'),
  description: z.string().trim().min(1).max(4_000),
  parameters: z.custom(isSchema, 'must be a zod schema'),
  idempotent: z.boolean().optional(),
  timeoutMs: z
    .number()
    .int()
    .min(1)
    .max(24 * 3_600_000)
    .optional(),
  retry: retryPolicySchema.optional(),
  namespace: namespaceSchema.optional(),
  stateSchema: z
    .custom<z.ZodType>(isSchema, 'must be a zod schema')
    .refine(
      (schema) => !isSchema(schema) || schema.safeParse({}).success,
      'must accept {}, which is what a new session has: give each field a default, or make it optional',
    )
    .optional(),
  execute: z.custom((value) => typeof value === 'function', 'must be a function'),
});

/** Declares a tool. Throws a TypeError that names the tool, the field, its value and the remedy. */
export function defineTool<Schema extends z.ZodType, State extends z.ZodType = AnyState>(
  options: ToolOptions<Schema, State>,
): Tool {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) {
    const problems = describeIssues(optionsSchema, parsed.error.issues, options);
    throw new TypeError(
      `The tool ${JSON.stringify(options?.name) ?? 'without a name'} is not valid: ${problems
        .map(({ field, message }) => `${field} ${message}`)
        .join('; ')}.`,
    );
  }
  const idempotent = options.idempotent ?? false;
  return Object.freeze({
    name: options.name,
    description: options.description,
    parameters: options.parameters,
    jsonSchema: jsonSchemaOf(options.name, options.parameters),
    idempotent,
    timeoutMs: options.timeoutMs ?? LIMITS.toolMs.value,
    retry: { ...options.retry, maxAttempts: options.retry?.maxAttempts ?? (idempotent ? 3 : 1) },
    namespace: options.namespace ?? options.name,
    stateSchema: options.stateSchema ?? null,
    // Arguments and state are checked by their schemas before a tool sees them.
    execute: options.execute as unknown as Tool['execute'],
  });
}

/** What is pinned of a tool when a run starts. */
export function toolSpecOf(tool: Tool): ToolSpec {
  return {
    name: tool.name,
    description: tool.description,
    parameters: tool.jsonSchema,
    idempotent: tool.idempotent,
    timeoutMs: tool.timeoutMs,
    retry: tool.retry,
  };
}

/** Whether a value is a schema of zod 4, of whichever copy of it. */
function isSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '_zod' in value && 'safeParse' in value;
}

function jsonSchemaOf(name: string, parameters: z.ZodType): Readonly<Record<string, unknown>> {
  let schema: Record<string, unknown>;
  try {
    // The model writes what goes in, before defaults and transforms.
    schema = { ...z.toJSONSchema(parameters, { io: 'input' }) };
  } catch (error) {
    throw new TypeError(
      `The tool "${name}" has parameters that JSON Schema cannot say: ${(error as Error).message}. Use strings, numbers, booleans, arrays and objects.`,
      { cause: error },
    );
  }
  if (schema['type'] !== 'object') {
    throw new TypeError(`The tool "${name}" has parameters that are not an object; wrap them in z.object({ … }).`);
  }
  delete schema['$schema'];
  delete schema['~standard'];
  return schema;
}
