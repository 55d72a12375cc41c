import { z } from 'zod';

/** What an operator did with the data of other users. */
export const auditActionSchema = z.enum([
  'sessions.list',
  'session.read',
  'events.read',
  'transcript.read',
  'message.read',
  'export.read',
  'runs.list',
  'run.read',
  'why.read',
  'context.read',
  'run.cancel',
  'run.resume',
  'inbox.list',
  'approval.answer',
  'client_call.answer',
  'approval_rules.read',
  'approval_rules.remove',
  'memories.read',
  'memories.forget',
  'stats.read',
  'usage.read',
  'budget.read',
  'budget.set',
  'sweeps.list',
  'sweep.read',
  'sessions.clean',
  'attachments.move',
  'agent.release',
  'agent.rollback',
  'keys.list',
  'keys.create',
  'keys.revoke',
  'user.erase',
  'erasures.read',
  'payloads.read',
  'batch.preview',
  'batch.start',
  'batch.cancel',
  'batches.read',
  'fleet.read',
  'pauses.read',
  'pause.set',
  'pause.remove',
]);
export type AuditAction = z.infer<typeof auditActionSchema>;

/** An entry of the audit trail. It is written before the data is read or changed; whether that succeeded is not recorded. */
export const auditEntrySchema = z.object({
  id: z.string(),
  /** ISO 8601 UTC. */
  at: z.string(),
  /** The operator. */
  actor: z.string(),
  action: auditActionSchema,
  /** The user whose data it concerns; null: all users. */
  user: z.string().nullable(),
  sessionId: z.string().nullable(),
  runId: z.string().nullable(),
  /** What else it concerns: the id of an API key or of a batch, the namespace of payloads, what is paused. */
  subject: z.string().nullable(),
  /** The entry's number, without gaps except where the retention has removed entries. */
  seq: z.number().int(),
  /** SHA-256 in hexadecimal of the entry and of `previousHash`, the hash of the entry before it. */
  hash: z.string(),
  previousHash: z.string(),
});
export type AuditEntry = z.infer<typeof auditEntrySchema>;

/** Response of `GET /v1/audit`, newest first. */
export const auditPageSchema = z.object({ data: z.array(auditEntrySchema), nextCursor: z.string().nullable() });
export type AuditPage = z.infer<typeof auditPageSchema>;

/** Where the hash chain of the audit trail is broken. */
export const auditBreakSchema = z.object({
  /** The number of the first entry that does not fit. */
  seq: z.number().int(),
  /** The entry; null if it is missing. */
  id: z.string().nullable(),
  /** `changed`: its hash does not match its content. `unlinked`: it does not continue the entry before it. `missing`: it was removed, not by the retention. */
  reason: z.enum(['changed', 'unlinked', 'missing']),
});
export type AuditBreak = z.infer<typeof auditBreakSchema>;

/** Response of `GET /v1/audit/verification`: the result for one part of the trail. */
export const auditVerificationSchema = z.object({
  /** Entries whose hash was recomputed. */
  verified: z.number().int(),
  /** Entries that the retention has removed. */
  removed: z.number().int(),
  /** The last entry of the part; pass it as `after` and `hash` for the next part. */
  last: z.object({ seq: z.number().int(), hash: z.string() }),
  /** Whether `last` is the newest entry. */
  complete: z.boolean(),
  /** The first entry that does not fit; null if all do. */
  broken: auditBreakSchema.nullable(),
});
export type AuditVerification = z.infer<typeof auditVerificationSchema>;
