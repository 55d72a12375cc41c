import { z } from 'zod';
import type { RetryPolicy } from '../contracts/agent.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { Json } from '../contracts/json.ts';
import type { SessionKey } from '../contracts/session-key.ts';

/** What a tool is given beside its arguments. */
export interface ToolContext {
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
  /** Shows progress to whoever watches; live only, never stored. */
  progress(progress: Json): void;
}

export interface ToolOptions<Schema extends z.ZodType> {
  /** 1 to 64 letters, digits, `_` or `-`: what providers accept. */
  readonly name: string;
  /** Told to the model. */
  readonly description: string;
  readonly parameters: Schema;
  /** Whether a call may be run again, with the same key, after a crash. Default false: then it ends as `unknown`. */
  readonly idempotent?: boolean;
  /** One try, in ms. Default 60,000. */
  readonly timeoutMs?: number;
  /** Tries after a failure. Default: 3 for an idempotent tool, 1 otherwise. */
  readonly retry?: RetryPolicy;
  /** What it returns must be JSON. What it throws is told to the model as the call's error. */
  readonly execute: (args: z.output<Schema>, context: ToolContext) => unknown;
}

/** A tool with its defaults filled in. Made by {@link defineTool}. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly parameters: z.ZodType;
  readonly idempotent: boolean;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly execute: (args: unknown, context: ToolContext) => unknown;
}

/** Declares a tool. Throws a TypeError that names what is wrong. */
export function defineTool<Schema extends z.ZodType>(options: ToolOptions<Schema>): Tool {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(options.name)) {
    throw new TypeError(`The tool name ${JSON.stringify(options.name)} is not 1 to 64 letters, digits, "_" or "-".`);
  }
  const timeoutMs = options.timeoutMs ?? LIMITS.toolMs.value;
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) {
    throw new TypeError(
      `The tool ${options.name} has timeoutMs ${timeoutMs}; give a whole number of milliseconds above 0.`,
    );
  }
  const idempotent = options.idempotent ?? false;
  return {
    name: options.name,
    description: options.description,
    parameters: options.parameters,
    idempotent,
    timeoutMs,
    retry: { maxAttempts: idempotent ? 3 : 1, ...options.retry },
    execute: options.execute as Tool['execute'],
  };
}
