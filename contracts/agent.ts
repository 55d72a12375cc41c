import { z } from 'zod';
import { approvalSettingsSchema, toolRefSchema, type ApprovalMode } from './approvals/approval-settings.ts';
import { runBudgetSchema } from './budget.ts';
import { agentToolSchema, type ChildBudget } from './capabilities/agent-tool.ts';
import { capabilityRefSchema } from './capabilities/capability.ts';
import { historySchema } from './session/history.ts';
import { LIMITS } from './limits.ts';
import { mcpServersSchema } from './mcp/mcp-server.ts';
import { mcpToolsRefSchema, mcpUseSchema, type McpToolOrigin } from './mcp/mcp-tools.ts';
import { outputSpecSchema } from './output/output.ts';
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
  /** What happens to the session's other runs while a run waits for an answer: they wait behind it, or go on without it. */
  whileWaiting: z.enum(['queue', 'proceed']).optional(),
  /** Maximum working time of one run, without waits in the queue, for a provider or for an approval. */
  runTimeoutMs: z
    .number()
    .int()
    .min(1_000)
    .max(24 * 3_600_000)
    .optional(),
  /** The longest time in which a streaming model call may receive no data before it fails and is retried. */
  modelSilenceMs: z
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
  contextRuns: z.number().int().min(0).max(LIMITS.maxContextRuns.value).optional(),
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

/** The context window of an agent's model calls, in tokens. */
export const windowSchema = z
  .strictObject({
    /** Maximum number of input and output tokens of a model call. A model's own window applies too, if it is smaller. Default: the model's window. */
    maxTokens: z.number().int().min(500).max(100_000_000).optional(),
    /** The part of the window that is kept for the answer. Default: 1,000, or `maxOutputTokens` if that is more. */
    reserveTokens: z.number().int().min(1).max(10_000_000).optional(),
    /** Whether messages that no longer fit are summarised by a model call; otherwise they are left out. Default true. */
    summaries: z.boolean().optional(),
  })
  .refine(
    ({ maxTokens, reserveTokens }) => maxTokens === undefined || (reserveTokens ?? 0) <= maxTokens / 2,
    'reserveTokens must not be more than half of maxTokens',
  );
export type WindowSpec = z.infer<typeof windowSchema>;

/** The tools that programs of the model call. */
export const codeModeSchema = z.union([
  z.literal(true),
  z.strictObject({
    /** Names from `tools`. The model calls the other tools itself. */
    tools: z.array(z.string().min(1).max(64)).min(1).max(128),
  }),
]);

/** `provider/model`. */
const modelNameSchema = z.string().min(1).max(200);

/** The declarative part of an agent. Tools are listed by name; their code belongs to the worker. */
export const agentSpecSchema = z.strictObject({
  name: agentNameSchema,
  description: z.string().max(1_000).optional(),
  /** `provider/model`. Default: the deployment's model (`PERDURE_MODEL`). */
  model: modelNameSchema.optional(),
  /** The models that are asked after `model`, in this order, when it gives no answer. In a template: the rest of a list in `model`. */
  fallbackModels: z
    .array(modelNameSchema)
    .min(1)
    .max(LIMITS.modelsPerAgent.value - 1)
    .optional(),
  /** System prompt. */
  instructions: z.string().max(100_000).optional(),
  /** The tools that the model may call: by name, with an approval, or as client tools. Default: none. */
  tools: z.array(toolRefSchema).max(128).optional(),
  /** What is set for those of `tools` that are agents. In a template: objects in `tools`. */
  agentTools: z.array(agentToolSchema).max(128).optional(),
  /** The MCP servers whose tools the model may call. In a template: `{ mcp: NAME }` in `tools`. Default: none. */
  mcp: z.array(mcpUseSchema).min(1).max(LIMITS.mcpServers.value).optional(),
  /** MCP servers of this agent, which take precedence over those of the deployment. */
  mcpServers: mcpServersSchema.optional(),
  /** Settings of the tool calls that wait for an approval or for a client. */
  approvals: approvalSettingsSchema.optional(),
  temperature: z.number().min(0).max(2).optional(),
  /** Maximum number of output tokens per model call. */
  maxOutputTokens: z.number().int().min(1).max(1_000_000).optional(),
  /** `auto` (default), `required`, `none`, or the name of the tool that the first step must call. */
  toolChoice: z.string().min(1).max(64).optional(),
  reasoningEffort: z.enum(['minimal', 'low', 'medium', 'high']).optional(),
  /** Whether replies are streamed as deltas. Has no effect on the transcript. Default true. */
  stream: z.boolean().optional(),
  /** Where earlier runs of the session are kept, of which runs see the newest. `false`: they see none. `service`: the model's provider keeps the conversation. An object: a history provider keeps it. Default true: the store. */
  history: historySchema.optional(),
  /** Context providers, in the order in which they are called: by name, or with options. Default: none. */
  context: z.array(capabilityRefSchema).max(LIMITS.contextProviders.value).optional(),
  /** Bounds the context of model calls in tokens, and has older messages summarised. Default: the policy's `contextRuns`, within the model's window. */
  window: windowSchema.optional(),
  /** Middleware around the runs, the first one outermost: by name, or with options. Default: none. */
  middleware: z.array(capabilityRefSchema).max(LIMITS.middlewarePerAgent.value).optional(),
  /** The model writes programs that call the tools, instead of calling each tool itself. `true`: all tools; an object: those that are named. Default: none. */
  codeMode: codeModeSchema.optional(),
  /** Makes the answers structured: JSON that matches a schema. Default: text. */
  output: outputSpecSchema.optional(),
  policy: policySchema.optional(),
});
export type AgentSpec = z.infer<typeof agentSpecSchema>;

/** An agent as in a template file: `model` is one model, or a list of which the first one is preferred; `tools` lists agents and MCP servers, too. */
export const agentTemplateSchema = agentSpecSchema.extend({
  tools: z
    .array(z.union([toolRefSchema, agentToolSchema, mcpToolsRefSchema]))
    .max(128)
    .optional(),
  model: z.union([modelNameSchema, z.array(modelNameSchema).min(1).max(LIMITS.modelsPerAgent.value)]).optional(),
});
export type AgentTemplate = z.infer<typeof agentTemplateSchema>;

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
  /** The tool of an MCP server that it is. Absent: its code belongs to the worker. */
  readonly mcp?: McpToolOrigin;
  /** When a call needs an approval; absent: never. */
  readonly approval?: ToolApproval;
  /** Present for a tool that clients execute. */
  readonly client?: ClientToolSpec;
  /** Present if an agent executes the calls, each as a run of its own. */
  readonly agent?: AgentToolSpec;
}

/** When a call needs an approval. `function`: the tool's code decides. */
export type ToolApproval = Exclude<ApprovalMode, 'never'> | 'function';

/** A tool without code on a worker: whoever talks to the session makes the call, and hands in the result. */
export interface ClientToolSpec {
  /** JSON Schema of the result. Absent: any JSON. */
  readonly result?: Readonly<Record<string, unknown>>;
  /** How long a call waits for its result. Absent: as long as the agent's approvals. */
  readonly timeoutMs?: number;
}

/** What a run pins of an agent that is a tool. */
export interface AgentToolSpec {
  readonly name: string;
  readonly budget?: ChildBudget;
  readonly maxParallel?: number;
}

/** An agent as pinned by a run: the spec and its tools, identified by the hash of both (`agentHash`). */
export interface AgentVersion {
  readonly hash: string;
  readonly spec: AgentSpec;
  readonly tools: readonly ToolSpec[];
}

/** The tools of an agent and those that context providers add to a run, without repetitions. */
export function withContributedTools<Agent extends Pick<AgentVersion, 'tools'>>(
  agent: Agent,
  contributions: readonly { readonly tools?: readonly ToolSpec[] }[],
): Agent {
  const own = new Set(agent.tools.map(({ name }) => name));
  const added = new Map(contributions.flatMap(({ tools = [] }) => tools.map((tool) => [tool.name, tool])));
  const others = [...added.values()].filter(({ name }) => !own.has(name));
  return others.length > 0 ? { ...agent, tools: [...agent.tools, ...others] } : agent;
}
