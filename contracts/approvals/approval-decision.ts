import { z } from 'zod';

export const approvalDecisionSchema = z.enum(['approve', 'reject']);

/** For what an approval is remembered: later calls of the tool in the session, or in all sessions of its user. */
export const ruleScopeSchema = z.enum(['session', 'user']);
export type RuleScope = z.infer<typeof ruleScopeSchema>;
