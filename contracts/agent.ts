import { z } from 'zod';
import { runBudgetSchema } from './budget.ts';
import { LIMITS } from './limits.ts';
import { agentNameSchema, whileRunningSchema } from './session/message.ts';

/** How often and how soon a failed try is made again. */
export const retryPolicySchema = z.strictObject({
  /** Tries in all, the first included. */
  maxAttempts: z.number().int().min(1).max(100).optional(),
  initialIntervalMs: z.number().int().min(1).max(3_600_000).optional(),
  backoffCoefficient: z.number().min(1).max(10).optional(),
  maxIntervalMs: z.number().int().min(1).max(3_600_000).optional(),
});
export type RetryPolicy = z.infer<typeof retryPolicySchema>;

/** Of policies about days: a second to ten years. */
const durationMs = z
  .number()
  .int()
  .min(1_000)
  .max(3_650 * 24 * 3_600_000);

/** What an agent, or one session of it, may set; the nearest wins. Defaults in `core/policy.ts`. */
export const policySchema = z.strictObject({
  whileRunning: whileRunningSchema.optional(),
  /** Working time of one run; queue, limiter and approval waits are left out. */
  runTimeoutMs: z
    .number()
    .int()
    .min(1_000)
    .max(24 * 3_600_000)
    .optional(),
  /** Model calls in one run. */
  maxSteps: z.number().int().min(1).max(LIMITS.stepsPerRun.value).optional(),
  /** Steps that one `advanceRun` activity may take; 1 gives each model call and each tool its own line in the Temporal UI. */
  stepsPerActivity: z.number().int().min(1).optional(),
  /** Newest runs whose messages a model call carries. */
  contextRuns: z.number().int().min(0).max(1_000).optional(),
  /** Retries of a model call. */
  retry: retryPolicySchema.optional(),
  /** Whether a run that may not call its provider now waits, or fails as `model_unavailable`. */
  whenProviderDown: z.enum(['wait', 'fail']).optional(),
  /** How long a call waits for its provider before its run fails as `model_unavailable`. */
  maxWaitMs: z
    .number()
    .int()
    .min(0)
    .max(7 * 24 * 3_600_000)
    .optional(),
  /** Whether a run that fails for good fails its session too. */
  failSessionOnRunFailure: z.boolean().optional(),
  /** A session in which nothing has happened for so long expires. */
  idleTimeoutMs: durationMs.optional(),
  /** A session that was created, or reopened, so long ago expires. */
  maxAgeMs: durationMs.optional(),
  /** A session that is not active is removed by a clean-up after so long without activity. */
  retentionMs: durationMs.optional(),
  /** Whether a session is archived, to be restored by a message, when it is removed; false: it is deleted. */
  archive: z.boolean().optional(),
  /** Sessions with more messages are archived; smaller ones are deleted. */
  archiveOverMessages: z.number().int().min(0).max(1_000_000).optional(),
  /** What one session and one run may use, in dollars and in tokens. Default: no limit. */
  budget: runBudgetSchema.optional(),
});
export type Policy = z.infer<typeof policySchema>;

/** A change of a policy: what is not named stays, null removes a setting, so that the farther one is in force again. */
export const policyPatchSchema = z.strictObject(
  Object.fromEntries(Object.entries(policySchema.shape).map(([name, field]) => [name, field.nullable()])) as {
    [Name in keyof typeof policySchema.shape]: z.ZodNullable<(typeof policySchema.shape)[Name]>;
  },
);

/** An agent's declarative part: what a template file says. Tools are named here; their code is the worker's. */
export const agentSpecSchema = z.strictObject({
  name: agentNameSchema,
  description: z.string().max(1_000).optional(),
  /** `provider/model`; the deployment's default (`PERDURE_MODEL`) when absent. */
  model: z.string().min(1).max(200).optional(),
  instructions: z.string().max(100_000).optional(),
  tools: z.array(z.string().min(1).max(64)).max(128).optional(),
  temperature: z.number().min(0).max(2).optional(),
  maxOutputTokens: z.number().int().min(1).max(1_000_000).optional(),
  /** `auto` (default), `required`, `none`, or the name of a tool that the first step must call. */
  toolChoice: z.string().min(1).max(64).optional(),
  reasoningEffort: z.enum(['minimal', 'low', 'medium', 'high']).optional(),
  /** False: one call, one answer, no deltas. The transcript is the same. Default true. */
  stream: z.boolean().optional(),
  /** Capabilities are opt-in: false makes every message a run of its own that sees no earlier one. Default true. */
  history: z.boolean().optional(),
  policy: policySchema.optional(),
});
export type AgentSpec = z.infer<typeof agentSpecSchema>;

/** What is pinned of a tool when a run starts: what the model is told and where it runs. */
export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** May be run again with the same key after a crash. */
  readonly idempotent: boolean;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
}

/** An agent as a run pins it: the spec and its tools, under the hash of both. */
export interface AgentVersion {
  readonly hash: string;
  readonly spec: AgentSpec;
  readonly tools: readonly ToolSpec[];
}
