import { z } from 'zod';
import { ruleScopeSchema } from './approval-decision.ts';

/** A remembered approval: calls of the tool by the agent are executed without asking. */
export const approvalRuleSchema = z.object({
  id: z.string(),
  scope: ruleScopeSchema,
  /** Null for the scope `user`. */
  sessionId: z.string().nullable(),
  agent: z.string(),
  tool: z.string(),
  /** The user who answered. */
  createdBy: z.string(),
  createdAt: z.string(),
});
export type ApprovalRule = z.infer<typeof approvalRuleSchema>;
