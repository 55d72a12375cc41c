import { z } from 'zod';
import type { ApprovalMode } from '../contracts/approvals/approval-settings.ts';
import { retryPolicySchema, type ClientToolSpec, type RetryPolicy, type ToolSpec } from '../contracts/agent.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { Json, JsonObject } from '../contracts/json.ts';
import { isZodSchema } from '../contracts/output/zod-output.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import { namespaceSchema } from '../contracts/session/state.ts';
import { describeIssues } from '../core/text/describe-issues.ts';
import { joinProblems } from '../core/text/field-problem.ts';
import type { ApprovalFunction } from './approvals/define-approval.ts';
import type { StartWorkflow } from './start-workflow.ts';
import type { ToolMemories } from './tool-memories.ts';
import type { ToolMetadata, ToolState } from './tool-state.ts';

/** The second argument of a tool's `execute`. `Read` and `Write` are the output and input types of its `stateSchema`. */
export interface ToolContext<Read = JsonObject, Write = Read> {
  readonly session: SessionKey;
  readonly runId: string;
  readonly step: number;
  readonly callId: string;
  /** The same for every attempt of one call. Pass it to services that must not act twice. */
  readonly idempotencyKey: string;
  /** Counts from 1. */
  readonly attempt: number;
  /** Aborted by a cancellation, by the timeout, and at the end of the grace period of a worker's shutdown. */
  readonly signal: AbortSignal;
  /** The session's state: read and write access to the tool's namespace, read access to the others. */
  readonly state: ToolState<Read, Write>;
  /** The session's metadata, shared by its tools and the application. */
  readonly metadata: ToolMetadata;
  /** What is remembered of the session's user, over all sessions. */
  readonly memories: ToolMemories;
  /** Starts a Temporal workflow, once for all attempts of the call. */
  readonly startWorkflow: StartWorkflow;
  /** Publishes progress to live readers. It is not stored. */
  readonly progress: (progress: Json) => void;
}

export interface ToolOptions<Schema extends z.ZodType, State extends z.ZodType = AnyState> {
  /** 1 to 64 letters, digits, `_` or `-`, as providers require. */
  readonly name: string;
  /** Sent to the model. */
  readonly description: string;
  /** A zod object schema of the arguments. Its JSON Schema is sent to the model. */
  readonly parameters: Schema;
  /** Whether a call may run again, with the same idempotency key, after a crash. Default false: it then ends as `unknown`. */
  readonly idempotent?: boolean;
  /** Timeout of one attempt in ms, at most 24 hours. Default 60,000. */
  readonly timeoutMs?: number;
  /** Retries after a failure. Default: 3 attempts for an idempotent tool, 1 otherwise. */
  readonly retry?: RetryPolicy;
  /** The namespace of the session's state that the tool writes; tools with the same one share it. Default: the tool's name. */
  readonly namespace?: string;
  /** A zod object schema of the namespace, checked on every read and write. It must accept `{}`, the state of a new session. Default: any JSON object. */
  readonly stateSchema?: State;
  /** Whether a call needs an approval: `never` (default), `always`, or a function of the validated arguments that returns true if it does. An agent can list the tool with another one. */
  readonly approval?: 'never' | 'always' | ApprovalFunction<z.output<Schema>>;
  /** Returns JSON. The message of an error that it throws is sent to the model as the result of the call. */
  readonly execute: (args: z.output<Schema>, context: ToolContext<z.output<State>, z.input<State>>) => unknown;
}

type AnyState = z.ZodRecord<z.ZodString, z.ZodType<Json>>;

/** A tool with its defaults. Created by {@link defineTool}. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly parameters: z.ZodType;
  /** JSON Schema of `parameters`. */
  readonly jsonSchema: Readonly<Record<string, unknown>>;
  readonly idempotent: boolean;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly namespace: string;
  /** Null: any JSON object. */
  readonly stateSchema: z.ZodType | null;
  /** Absent: never. The function is given the validated arguments. */
  readonly approval?: 'always' | ApprovalFunction<unknown>;
  /** Present for a tool that clients execute. */
  readonly client?: ClientToolSpec;
  /** JSON Schema of the result of one call, for a client tool whose arguments determine it. */
  readonly resultSchemaFor?: (args: Json) => Readonly<Record<string, unknown>>;
  readonly execute: (args: unknown, context: ToolContext) => unknown;
}

/** Thrown by a tool for an error that another attempt would repeat, such as a division by zero. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  /** Read from every error that a tool throws. An error without this property is retryable. */
  readonly retryable: boolean;

  constructor(message: string, options: { readonly retryable?: boolean; readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.retryable = options.retryable ?? false;
  }
}

const optionsSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "_" or "-"'),
  description: z.string().trim().min(1).max(4_000),
  parameters: z.custom(isZodSchema, 'must be a zod schema'),
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
    .custom<z.ZodType>(isZodSchema, 'must be a zod schema')
    .refine(
      (schema) => !isZodSchema(schema) || schema.safeParse({}).success,
      'must accept {}, the state of a new session: give each field a default, or make it optional',
    )
    .optional(),
  approval: z
    .custom(
      (value) => value === 'never' || value === 'always' || typeof value === 'function',
      'must be "never", "always" or a function',
    )
    .optional(),
  execute: z.custom((value) => typeof value === 'function', 'must be a function'),
});

/** Defines a tool. Throws a TypeError that lists every invalid field with its value and the remedy. */
export function defineTool<Schema extends z.ZodType, State extends z.ZodType = AnyState>(
  options: ToolOptions<Schema, State>,
): Tool {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) {
    const problems = describeIssues(parsed.error.issues, {
      schema: optionsSchema,
      input: options,
      mayQuote: true,
    });
    const name = JSON.stringify(options?.name) ?? 'without a name';
    throw new TypeError(`The tool ${name} is not valid: ${joinProblems(problems)}.`);
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
    ...(options.approval === undefined || options.approval === 'never'
      ? {}
      : { approval: options.approval as unknown as NonNullable<Tool['approval']> }),
    // Arguments and state are validated before `execute` receives them.
    execute: options.execute as unknown as Tool['execute'],
  });
}

/** The part of a tool that a run pins when it starts. `approval`: that of the agent, which replaces the tool's own. */
export function toolSpecOf(tool: Tool, approval: ApprovalMode | 'function' = ownApproval(tool)): ToolSpec {
  return {
    name: tool.name,
    description: tool.description,
    parameters: tool.jsonSchema,
    idempotent: tool.idempotent,
    timeoutMs: tool.timeoutMs,
    retry: tool.retry,
    ...(approval === 'never' ? {} : { approval }),
    ...(tool.client ? { client: tool.client } : {}),
  };
}

function ownApproval({ approval }: Tool): 'never' | 'always' | 'function' {
  return typeof approval === 'function' ? 'function' : (approval ?? 'never');
}

function jsonSchemaOf(name: string, parameters: z.ZodType): Readonly<Record<string, unknown>> {
  let schema: Record<string, unknown>;
  try {
    // The model writes the input, before defaults and transforms.
    schema = { ...z.toJSONSchema(parameters, { io: 'input' }) };
  } catch (error) {
    throw new TypeError(
      `The tool "${name}" has parameters that JSON Schema cannot express: ${(error as Error).message}. Use strings, numbers, booleans, arrays and objects.`,
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
