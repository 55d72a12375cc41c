import { z } from 'zod';
import { jsonSchema } from '../json-schema.ts';
import { LIMITS } from '../limits.ts';
import { agentNameSchema } from '../session/message.ts';

/** What one child may spend, in dollars and tokens, as part of what its parent may spend. */
export const childBudgetSchema = z.strictObject({
  usd: z.number().min(0).max(1e6).optional(),
  tokens: z.number().int().min(0).max(1e12).optional(),
});
export type ChildBudget = z.infer<typeof childBudgetSchema>;

/** How an agent lists another agent, or itself, among its tools. */
export const agentToolSchema = z.strictObject({
  /** The agent that executes the calls. */
  agent: agentNameSchema,
  /** The name of the tool. Default: that of the agent. */
  name: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "_" or "-"')
    .optional(),
  /** Sent to the model. Default: the description of the agent. */
  description: z.string().trim().min(1).max(4_000).optional(),
  /** The most that one child may spend. Default: an equal part of what is left of the run's budget; without a budget, no limit. */
  budget: childBudgetSchema.optional(),
  /** The most children of this tool that one run has at once. Default: `limits.childrenPerRun`. */
  maxParallel: z.number().int().min(1).max(LIMITS.childrenPerRun.value).optional(),
});
export type AgentTool = z.infer<typeof agentToolSchema>;

/** The name of the tool. */
export function nameOfAgentTool({ name, agent }: AgentTool): string {
  return name ?? agent;
}

/** The parameters of such a tool, as JSON Schema. */
export const AGENT_TOOL_PARAMETERS: Readonly<Record<string, unknown>> = {
  type: 'object',
  properties: {
    task: {
      type: 'string',
      minLength: 1,
      description:
        'The task, complete in itself: the agent sees nothing of this conversation. State what to do, what is known, and what to answer with.',
    },
    parts: {
      type: 'array',
      description: 'JSON, images and files that belong to the task.',
      items: {
        type: 'object',
        properties: {
          type: { enum: ['data', 'image', 'file'] },
          data: { description: 'For `data`: any JSON.' },
          attachmentId: { type: 'string', description: 'For `image` and `file`: the id of an attachment.' },
        },
        required: ['type'],
        additionalProperties: false,
      },
    },
  },
  required: ['task'],
  additionalProperties: false,
};

/** The arguments of a call of such a tool. */
export const agentToolArgumentsSchema = z.strictObject({
  task: z.string().trim().min(1),
  parts: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('data'), data: jsonSchema }),
        z.strictObject({ type: z.enum(['image', 'file']), attachmentId: z.string() }),
      ]),
    )
    .max(LIMITS.contentParts.value - 1)
    .optional(),
});

/** Limits of children: `limits:` in the deployment file. */
export const childLimitsSchema = z.strictObject({
  /** The deepest level of a run: 1 is a child of a run that is nobody's child. Default 5. */
  childDepth: z.number().int().min(0).max(LIMITS.childDepth.value).optional(),
  /** Children of one run at once; further ones wait. Default 8. */
  childrenPerRun: z.number().int().min(1).max(LIMITS.childrenPerRun.value).optional(),
});

/** Limits of children with the defaults applied. */
export interface ChildLimits {
  readonly depth: number;
  readonly perRun: number;
}

/** Applies the defaults. */
export function childLimits(given: z.output<typeof childLimitsSchema> = {}): ChildLimits {
  return { depth: given.childDepth ?? 5, perRun: given.childrenPerRun ?? 8 };
}
