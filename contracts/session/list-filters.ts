import { z } from 'zod';
import { agentNameSchema } from './message.ts';
import { runStatusSchema } from './run.ts';
import { runWaitSchema } from './run-wait.ts';

/** The status of runs in a list. `open`: queued, running or waiting. */
export const runStatusFilterSchema = z.enum([...runStatusSchema.options, 'open']);

/** A century. */
const MAX_MS = 3_155_760_000_000;
const MAX_USD = 1_000_000_000;

/** Creates the schema of numbers: of JSON, or of the parameters of a query, which are texts. */
type NumberSchema = () => z.ZodNumber | z.ZodCoercedNumber;

/** Filters that a list of runs and a list of sessions share. */
const sharedFields = (number: NumberSchema) => ({
  /** The agent. */
  agent: agentNameSchema.optional(),
  /** The beginning of the hash of an agent version, at least 6 characters. */
  agentVersion: z
    .string()
    .regex(/^[0-9a-f]{6,64}$/, 'must be 6 to 64 characters of the hash of an agent version')
    .optional(),
  /** A tool that was called. */
  tool: z.string().min(1).max(128).optional(),
  /** What an open run waits for. */
  waitingFor: runWaitSchema.optional(),
  /** How long an open run has waited at least, in ms. */
  minWaitMs: number().min(0).max(MAX_MS).optional(),
  /** The code of the error of a failed run. */
  errorCode: z
    .string()
    .regex(/^[a-z][a-z_]{0,63}$/, 'must be an error code, such as model_unavailable')
    .optional(),
  /** The known cost, both inclusive. An unknown part counts as nothing. */
  minCostUsd: number().min(0).max(MAX_USD).optional(),
  maxCostUsd: number().min(0).max(MAX_USD).optional(),
  /** The time since the run was admitted, or the session created, in ms. */
  minAgeMs: number().min(0).max(MAX_MS).optional(),
  maxAgeMs: number().min(0).max(MAX_MS).optional(),
});

/** Filters of a list of runs. */
export const runFilterFields = (number: NumberSchema) => ({
  ...sharedFields(number),
  status: runStatusFilterSchema.optional(),
});

/** Filters of a list of sessions beside their status and metadata. `agentVersion`, `tool`, `waitingFor` and `errorCode`: of any of its runs. */
export const sessionFilterFields = (number: NumberSchema) => ({
  ...sharedFields(number),
  /** The time since the session was last active, in ms. */
  minIdleMs: number().min(0).max(MAX_MS).optional(),
});

/** Which runs. */
export type RunFilter = z.infer<z.ZodObject<ReturnType<typeof runFilterFields>>>;
/** Which sessions. */
export type SessionFilter = z.infer<z.ZodObject<ReturnType<typeof sessionFilterFields>>>;

/** A number in a query. */
export const queryNumber: NumberSchema = () => z.coerce.number();
