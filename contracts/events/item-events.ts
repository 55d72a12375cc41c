import { z } from 'zod';
import { approvalDecisionSchema, ruleScopeSchema } from '../approvals/approval-decision.ts';
import { onExpirySchema } from '../approvals/approval-settings.ts';
import { jsonSchema } from '../json-schema.ts';
import { clientRefusalSchema } from '../session/inbox-item.ts';
import { at, call, count } from './event-fields.ts';

/** Fields of every event of an inbox item. */
const item = { ...call, itemId: z.string() };
const requested = { arguments: jsonSchema, hash: z.string(), expiresAt: at };

/** The durable events of inbox items: tool calls that wait for an approval, or for a client. */
export const ITEM_EVENTS = [
  /** A tool call waits for an approval. `hash` binds an answer to the run, the call, the tool and the arguments. */
  z.object({ type: z.literal('approval.requested'), ...item, ...requested }),
  z.object({ type: z.literal('approval.reminded'), ...item, reminder: count }),
  z.object({
    type: z.literal('approval.decided'),
    ...item,
    decision: approvalDecisionSchema,
    /** The user who decided. */
    by: z.string(),
    reason: z.string().nullable(),
    /** The arguments with which the tool is called; absent unless they were edited. */
    arguments: jsonSchema.optional(),
    /** For what the decision is remembered; absent if it is not. */
    remember: ruleScopeSchema.optional(),
    /** The item whose answer was remembered, by which this call is approved too; absent if the decision is of its own. */
    rememberedFrom: z.string().optional(),
  }),
  /** Nobody answered in time. */
  z.object({ type: z.literal('approval.expired'), ...item, outcome: onExpirySchema }),
  /** The run ended before anybody answered. */
  z.object({ type: z.literal('approval.withdrawn'), ...item }),
  /** A tool call waits for a client to execute it. */
  z.object({ type: z.literal('client_call.requested'), ...item, ...requested }),
  z.object({ type: z.literal('client_call.reminded'), ...item, reminder: count }),
  /** A client has handed in the result, which is in the event of the tool call that follows. */
  z.object({
    type: z.literal('client_call.answered'),
    ...item,
    by: z.string(),
    /** The user does not answer. Absent: there is a result, or an error. */
    action: clientRefusalSchema.optional(),
  }),
  z.object({ type: z.literal('client_call.expired'), ...item }),
  z.object({ type: z.literal('client_call.withdrawn'), ...item }),
] as const;
