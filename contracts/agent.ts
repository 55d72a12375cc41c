import { z } from 'zod';
import { runBudgetSchema } from './budget.ts';
import { LIMITS } from './limits.ts';
import { agentNameSchema, whileRunningSchema } from './session/message.ts';

/** How often, and with which delays, a failed attempt is repeated. Defaults: `core/policy.ts` for model calls; for tools, 3 attempts if idempotent, otherwise 1. */
export const retryPolicySchema = z.strictObject({
  /** Attempts in total, including the first. */
  maxAttempts: z.number().int().min(1).max(100).optional(),
  /** Delay before the first retry. */
  initialIntervalMs: z.number().int().min(1).max(3_600_000).optional(),
  /** Factor by which the delay grows with each retry. */
  backoffCoefficient: z.number().min(1).max(10).optional(),
  /** Upper bound of the delay. */
  maxIntervalMs: z.number().int().min(1).max(3_600_000).optional(),
});
export type RetryPolicy = z.infer<typeof retryPolicySchema>;

/** Durations of session lifetimes: one second to ten years. */
const durationMs = z
  .number()
  .int()
  .min(1_000)
  .max(3_650 * 24 * 3_600_000);

/** Policy of a deployment, an agent or a session. For each setting the session takes precedence, then the agent. Defaults in `core/policy.ts`. */
export const policySchema = z.strictObject({
  /** What happens to a message that arrives while a run is active. */
  whileRunning: whileRunningSchema.optional(),
  /** Maximum working time of one run, without waits in the queue, for a provider or for an approval. */
  runTimeoutMs: z
    .number()
    .int()
    .min(1_000)
    .max(24 * 3_600_000)
    .optional(),
  /** Maximum number of model calls in one run. */
  maxSteps: z.number().int().min(1).max(LIMITS.stepsPerRun.value).optional(),
  /** Maximum number of steps in one `advanceRun` activity. With 1, each model call and each tool has its own line in the Temporal UI. */
  stepsPerActivity: z.number().int().min(1).optional(),
  /** Number of earlier runs, the newest ones, in the context of a model call. */
  contextRuns: z.number().int().min(0).max(1_000).optional(),
  /** Retry policy of model calls. */
  retry: retryPolicySchema.optional(),
  /** Whether a run waits when its provider cannot be called now, or fails with `model_unavailable`. */
  whenProviderDown: z.enum(['wait', 'fail']).optional(),
  /** How long a model call waits for its provider before its run fails with `model_unavailable`. */
  maxWaitMs: z
    .number()
    .int()
    .min(0)
    .max(7 * 24 * 3_600_000)
    .optional(),
  /** Whether a failed run fails its session too. */
  failSessionOnRunFailure: z.boolean().optional(),
  /** A session expires after this time without activity. */
  idleTimeoutMs: durationMs.optional(),
  /** A session expires this long after it was created or last reopened. */
  maxAgeMs: durationMs.optional(),
  /** A clean-up removes a session that is not active after this time without activity. */
  retentionMs: durationMs.optional(),
  /** Whether a removed session is archived, so that a message can restore it; otherwise it is deleted. */
  archive: z.boolean().optional(),
  /** Only sessions with more messages than this are archived; others are deleted. */
  archiveOverMessages: z.number().int().min(0).max(1_000_000).optional(),
  /** Limits of one session and of one run, in dollars and tokens. Default: none. */
  budget: runBudgetSchema.optional(),
});
export type Policy = z.infer<typeof policySchema>;

/** A change of a policy. Absent settings stay unchanged; null removes a setting, so that the next level's applies. */
export const policyPatchSchema = z.strictObject(
  Object.fromEntries(Object.entries(policySchema.shape).map(([name, field]) => [name, field.nullable()])) as {
    [Name in keyof typeof policySchema.shape]: z.ZodNullable<(typeof policySchema.shape)[Name]>;
  },
);

/** The declarative part of an agent, as in a template file. Tools are listed by name; their code belongs to the worker. */
export const agentSpecSchema = z.strictObject({
  name: agentNameSchema,
  description: z.string().max(1_000).optional(),
  /** `provider/model`. Default: the deployment's model (`PERDURE_MODEL`). */
  model: z.string().min(1).max(200).optional(),
  /** System prompt. */
  instructions: z.string().max(100_000).optional(),
  /** Names of the tools that the model may call. Default: none. */
  tools: z.array(z.string().min(1).max(64)).max(128).optional(),
  temperature: z.number().min(0).max(2).optional(),
  /** Maximum number of output tokens per model call. */
  maxOutputTokens: z.number().int().min(1).max(1_000_000).optional(),
  /** `auto` (default), `required`, `none`, or the name of the tool that the first step must call. */
  toolChoice: z.string().min(1).max(64).optional(),
  reasoningEffort: z.enum(['minimal', 'low', 'medium', 'high']).optional(),
  /** Whether replies are streamed as deltas. Has no effect on the transcript. Default true. */
  stream: z.boolean().optional(),
  /** Whether runs see earlier runs of their session. Default true. */
  history: z.boolean().optional(),
  policy: policySchema.optional(),
});
export type AgentSpec = z.infer<typeof agentSpecSchema>;

/** The part of a tool that a run pins when it starts: its description for the model, and how calls are executed. */
export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Whether a call may be run again with the same idempotency key, for instance after a crash. */
  readonly idempotent: boolean;
  /** Timeout of one attempt. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
}

/** An agent as pinned by a run: the spec and its tools, identified by the hash of both (`agentHash`). */
export interface AgentVersion {
  readonly hash: string;
  readonly spec: AgentSpec;
  readonly tools: readonly ToolSpec[];
}
