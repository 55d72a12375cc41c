import { z } from 'zod';
import { approvalDecisionSchema, ruleScopeSchema } from '../approvals/approval-decision.ts';
import { onExpirySchema } from '../approvals/approval-settings.ts';
import { jsonSchema } from '../json-schema.ts';
import { LIMITS } from '../limits.ts';

/** `approval`: may this call be made? `client`: a client makes the call, and hands in the result. */
export const inboxKindSchema = z.enum(['approval', 'client']);
export type InboxKind = z.infer<typeof inboxKindSchema>;

export const inboxStatusSchema = z.enum(['pending', 'answered', 'expired', 'withdrawn']);
export type InboxStatus = z.infer<typeof inboxStatusSchema>;

/** How an item was answered. `decline` and `cancel`: a client's refusal, and a question that was closed without an answer. */
export const itemDecisionSchema = z.enum([...approvalDecisionSchema.options, 'decline', 'cancel']);
export type ItemDecision = z.infer<typeof itemDecisionSchema>;

/** A tool call that waits for somebody, or has waited. Times are ISO 8601 UTC. */
export const inboxItemSchema = z.object({
  id: z.string(),
  kind: inboxKindSchema,
  status: inboxStatusSchema,
  /** The user of the session. */
  user: z.string(),
  /** The id of the session; that of the run for a run without a session. */
  sessionId: z.string(),
  agent: z.string(),
  runId: z.string(),
  step: z.number().int(),
  callId: z.string(),
  tool: z.string(),
  /** As the model wrote them. */
  arguments: jsonSchema,
  /** SHA-256 of run, call, tool and arguments, in hexadecimal. An answer that names it cannot be taken for another call. */
  hash: z.string(),
  requestedAt: z.string(),
  expiresAt: z.string(),
  /** When the next reminder is due; null for none. */
  remindAt: z.string().nullable(),
  /** Reminders that were recorded. */
  reminders: z.number().int(),
  /** What happens when an approval expires; null for a client tool, whose call then fails. */
  onExpiry: onExpirySchema.nullable(),
  /** Whether the user of the session may not answer. */
  fourEyes: z.boolean(),
  /** JSON Schema: of the arguments of an approval, or of the result of a client tool. Null: any JSON. */
  schema: z.record(z.string(), z.unknown()).nullable(),
  answeredAt: z.string().nullable(),
  /** The user who answered; null unless answered. */
  answeredBy: z.string().nullable(),
  /** Null for a client tool whose result was handed in, and unless answered. */
  decision: itemDecisionSchema.nullable(),
  reason: z.string().nullable(),
  /** The arguments with which the tool is called; absent unless they were edited. */
  editedArguments: jsonSchema.optional(),
});
export type InboxItem = z.infer<typeof inboxItemSchema>;

const hash = z.string().max(100);

/** The answer to an approval. */
export const approvalAnswerSchema = z
  .strictObject({
    decision: approvalDecisionSchema,
    /** Given to the model with a rejection. */
    reason: z.string().max(LIMITS.approvalReasonCharacters.value).optional(),
    /** Replace the arguments of an approved call. */
    arguments: jsonSchema.optional(),
    /** Executes later calls of the tool by this agent without asking: in this session, or in all sessions of its user. */
    remember: ruleScopeSchema.optional(),
    /** The item's `hash`. If it is another one, the answer is refused. */
    hash: hash.optional(),
  })
  .refine(({ decision, arguments: edited }) => decision === 'approve' || edited === undefined, {
    path: ['arguments'],
    message: 'must be left out when the decision is "reject"',
  })
  .refine(({ decision, remember }) => decision === 'approve' || remember === undefined, {
    path: ['remember'],
    message: 'must be left out when the decision is "reject"',
  });
export type ApprovalAnswer = z.infer<typeof approvalAnswerSchema>;

/** `decline`: the user refuses to answer. `cancel`: the question was closed without an answer. */
export const clientRefusalSchema = z.enum(['decline', 'cancel']);

/** What a client hands in for a call of a client tool: its result, why it failed, or that the user does not answer. */
export const clientAnswerSchema = z.union([
  z.strictObject({ result: jsonSchema, hash: hash.optional() }),
  z.strictObject({ error: z.string().min(1).max(LIMITS.toolErrorCharacters.value), hash: hash.optional() }),
  z.strictObject({ action: clientRefusalSchema, hash: hash.optional() }),
]);
export type ClientAnswer = z.infer<typeof clientAnswerSchema>;
