import { z } from 'zod';
import { policySchema } from '../../contracts/agent.ts';
import {
  contextCallStatusSchema,
  contextPhaseSchema,
  contextProgressSchema,
} from '../../contracts/capabilities/context-provider.ts';
import { jsonObjectSchema, jsonSchema } from '../../contracts/json-schema.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { waitKindSchema } from '../../contracts/provider.ts';
import { contextRecordSchema } from '../../contracts/session/call-context.ts';
import { inboxKindSchema, inboxStatusSchema, itemDecisionSchema } from '../../contracts/session/inbox-item.ts';
import { agentVersionSchema, exportedAttachmentSchema } from '../../contracts/session/session-export.ts';
import { agentNameSchema, messageIdSchema, receiptSchema } from '../../contracts/session/message.ts';
import { recordCountsSchema } from '../../contracts/session/recorded-counts.ts';
import {
  callKindSchema,
  callOutcomeSchema,
  finishSchema,
  runErrorSchema,
  runStatusSchema,
  toolStatusSchema,
  usageSchema,
} from '../../contracts/session/run.ts';

// The rows of a document to import, column by column. Columns that are unknown here are dropped; a column that a later
// migration adds must be added here too, which a test checks.

const DAY_MS = 24 * 3_600_000;
const int = z.number().int().min(0).max(2_147_483_647);
/** A sum of tokens or nano-dollars. So small that sums over all rows are safe integers or can be refused. */
const amount = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const duration = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const text = (maxCharacters: number) => z.string().max(maxCharacters);
/** Part of the key of an index, whose entries PostgreSQL limits to 2,704 bytes. */
const id = (maxBytes: number) =>
  z.string().refine((value) => Buffer.byteLength(value) <= maxBytes, `must have at most ${maxBytes} bytes`);
const runId = id(400);
const name = text(300);

/** A time from 1970 until `ahead` from now. PostgreSQL would also read `infinity` and `yesterday` as times. */
const timeUntil = (aheadMs: number) =>
  z.iso.datetime({ offset: true }).refine((value) => {
    const ms = Date.parse(value);
    return ms >= 0 && ms <= Date.now() + aheadMs;
  }, 'must be a time from 1970 until now');
const time = timeUntil(DAY_MS);

const tokens = {
  input_tokens: amount.nullable().default(null),
  output_tokens: amount.nullable().default(null),
  cached_tokens: amount.nullable().default(null),
  reasoning_tokens: amount.nullable().default(null),
};

/** Sums of known and of estimated usage. Absent in documents of older versions. */
const sums = {
  unmetered_calls: int.default(0),
  known_input_tokens: amount.default(0),
  known_output_tokens: amount.default(0),
  known_cached_tokens: amount.default(0),
  known_reasoning_tokens: amount.default(0),
  estimated_calls: int.default(0),
  estimated_input_tokens: amount.default(0),
  estimated_output_tokens: amount.default(0),
  estimated_nanos: amount.default(0),
};

const bounded = <Schema extends z.ZodType>(schema: Schema, maxCharacters: number) =>
  schema.refine(
    (value) => value === null || JSON.stringify(value).length <= maxCharacters,
    `must have at most ${maxCharacters} characters as JSON`,
  );

/** The session's own row. Its counters and times are not taken from the document: see `recountSession`. */
const sessionRowSchema = z.object({
  kind: z.enum(['session', 'run']),
  status: z.enum(['active', 'completed', 'failed', 'expired']),
  agent: agentNameSchema,
  metadata: jsonObjectSchema,
  state: jsonObjectSchema,
  policy: policySchema,
  head: int,
  end_reason: text(2_000).nullable().default(null),
  created_at: time.optional(),
  updated_at: time.optional(),
  last_active_at: time.optional(),
  opened_at: time.optional(),
});

export const TABLE_SCHEMAS = {
  events: z.object({
    seq: int.min(1),
    type: name,
    run_id: runId.nullable().default(null),
    step: int.nullable().default(null),
    attempt: int.nullable().default(null),
    at: time,
    // Guards against repeated commits of the installation that made the event. Here it could only collide.
    dedupe: z
      .unknown()
      .default(null)
      .transform(() => null),
    data: jsonObjectSchema,
  }),
  messages: z.object({
    message_id: messageIdSchema,
    run_id: runId,
    seq: int.min(1),
    body_hash: text(100),
    interrupts: runId.nullable().default(null),
    receipt: receiptSchema,
  }),
  runs: z.object({
    run_id: runId,
    ordinal: int,
    urgent: z.boolean(),
    status: runStatusSchema,
    agent: agentNameSchema,
    agent_version: text(100).nullable().default(null),
    model: name.nullable().default(null),
    fallback_models: z.array(name).min(1).max(LIMITS.modelsPerAgent.value).nullable().default(null),
    answer_model: name.nullable().default(null),
    context: contextProgressSchema.nullable().default(null),
    message_ids: z.array(messageIdSchema),
    bytes: int,
    last_message_seq: int,
    started_seq: int.nullable().default(null),
    resumes: int,
    steps: int,
    active_ms: duration,
    ...tokens,
    cost_nanos: amount.default(0),
    unpriced_calls: int.default(0),
    ...sums,
    // Counts failures of activities, of which an import has none.
    failures: z
      .unknown()
      .default(null)
      .transform(() => 0),
    // A stop that was requested where the session was exported does not stop the run here.
    stop_reason: z
      .unknown()
      .default(null)
      .transform(() => null),
    traceparent: z
      .unknown()
      .default(null)
      .transform(() => null),
    output: text(LIMITS.replyCharacters.value).nullable().default(null),
    object: bounded(jsonObjectSchema.nullable(), 4 * LIMITS.outputBytes.value).default(null),
    error: bounded(runErrorSchema.nullable(), 20_000).default(null),
    created_at: time,
    started_at: time.nullable().default(null),
    ended_at: time.nullable().default(null),
    holds_queue: z.boolean().nullable().default(null),
  }),
  steps: z.object({
    run_id: runId,
    step: int.min(1),
    attempts: int,
    attempts_before: int.default(0),
    committed: z.boolean(),
    model: name.nullable().default(null),
    finish: finishSchema.nullable().default(null),
    usage: usageSchema.nullable().default(null),
    first_token_ms: duration.nullable().default(null),
    started_at: time,
    ended_at: time.nullable().default(null),
  }),
  tool_calls: z.object({
    run_id: runId,
    call_id: id(1_000),
    step: int.min(1),
    position: int,
    tool: name,
    program: id(1_000).nullable().default(null),
    status: toolStatusSchema,
    idempotent: z.boolean(),
    idempotency_key: z.unknown(),
    arguments: bounded(jsonSchema, LIMITS.toolArgumentsBytes.value),
    result: bounded(jsonSchema, LIMITS.toolResultBytes.value).default(null),
    error: text(2 * LIMITS.toolErrorCharacters.value)
      .nullable()
      .default(null),
    attempts: int,
    started_at: time.nullable().default(null),
    ended_at: time.nullable().default(null),
  }),
  waits: z.object({
    run_id: runId,
    kind: waitKindSchema,
    provider: text(64),
    started_at: time,
    until_at: timeUntil(366 * DAY_MS)
      .nullable()
      .default(null),
    ended_at: time.nullable().default(null),
  }),
  model_calls: z.object({
    run_id: runId,
    // The calls for summaries are those of step 0.
    step: int,
    kind: callKindSchema.nullable().default(null),
    attempt: int.min(1),
    agent: agentNameSchema,
    model: name,
    answered_by: name.nullable().default(null),
    day: z.iso.date(),
    outcome: callOutcomeSchema,
    error_code: text(100).nullable().default(null),
    // What a provider described is of its installation only.
    provider_message: z
      .unknown()
      .default(null)
      .transform(() => null),
    retry_at: timeUntil(366 * DAY_MS)
      .nullable()
      .default(null),
    gave_up: z.boolean().nullable().default(null),
    made: z.boolean().default(true),
    context: contextRecordSchema.nullable().default(null),
    started_at: time,
    ended_at: time.nullable().default(null),
    first_token_ms: duration.nullable().default(null),
    duration_ms: duration.nullable().default(null),
    ...tokens,
    cost_nanos: amount.nullable().default(null),
    price_source: name.nullable().default(null),
    price_date: text(40).nullable().default(null),
    reserved_nanos: amount.nullable().default(null),
    reserved_tokens: amount.nullable().default(null),
    // Reservations stay charged where the session was exported.
    held_nanos: z
      .unknown()
      .default(null)
      .transform(() => 0),
    held_tokens: z
      .unknown()
      .default(null)
      .transform(() => 0),
    estimated_input_tokens: amount.nullable().default(null),
    estimated_output_tokens: amount.nullable().default(null),
    estimated_nanos: amount.nullable().default(null),
  }),
  context_calls: z.object({
    run_id: runId,
    phase: contextPhaseSchema,
    provider: id(64),
    position: int,
    status: contextCallStatusSchema,
    attempts: int,
    contribution: bounded(jsonObjectSchema.nullable(), 2 * LIMITS.contributionBytes.value).default(null),
    error: text(2 * LIMITS.toolErrorCharacters.value)
      .nullable()
      .default(null),
    started_at: time,
    ended_at: time.nullable().default(null),
  }),
  inbox: z.object({
    item_id: id(100),
    run_id: runId,
    call_id: id(1_000),
    step: int.min(1),
    tool: name,
    agent: agentNameSchema,
    kind: inboxKindSchema,
    hash: text(100),
    status: inboxStatusSchema,
    arguments: bounded(jsonSchema, LIMITS.toolArgumentsBytes.value),
    rules: bounded(jsonObjectSchema, 4 * LIMITS.outputBytes.value),
    requested_at: time,
    expires_at: timeUntil(2 * LIMITS.approvalWaitMs.value),
    remind_at: timeUntil(2 * LIMITS.approvalWaitMs.value)
      .nullable()
      .default(null),
    reminders: int,
    answered_at: time.nullable().default(null),
    answered_by: text(1_000).nullable().default(null),
    decision: itemDecisionSchema.nullable().default(null),
    reason: text(LIMITS.approvalReasonCharacters.value).nullable().default(null),
    edited: bounded(jsonObjectSchema.nullable(), 2 * LIMITS.toolArgumentsBytes.value).default(null),
  }),
  recorded_counts: z.object({
    record_key: messageIdSchema,
    body_hash: text(100),
    requests: z.number().min(0).max(1e12),
    errors: z.number().min(0).max(1e12),
    processing_ms: z.number().min(0).max(1e12),
    counters: recordCountsSchema.shape.counters.unwrap(),
    recorded_at: time,
  }),
} as const;

export type ImportTable = keyof typeof TABLE_SCHEMAS;
export type ImportRows = { [Table in ImportTable]: z.output<(typeof TABLE_SCHEMAS)[Table]>[] };

/** A document without its rows, which are checked one by one. */
export const importSchema = z.object({
  format: z.literal('perdure.session'),
  version: z.literal([1, 2]),
  id: text(1_000),
  session: sessionRowSchema,
  agentVersions: z.array(agentVersionSchema).max(1_000),
  tables: z.record(z.string(), z.array(z.unknown())),
  attachments: z.array(exportedAttachmentSchema).max(LIMITS.attachmentsPerUser.value).default([]),
});
export type ImportDocument = z.output<typeof importSchema>;
