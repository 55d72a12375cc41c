import { z } from 'zod';
import { jsonObjectSchema } from '../json-schema.ts';
import {
  callOutcomeSchema,
  providerConversationSchema,
  providerFieldsSchema,
  rebuildReasonSchema,
  toolCallRequestSchema,
} from './run.ts';
import { recoveryReasonSchema } from './session.ts';

/** How a call continues the conversation that its provider keeps. */
const continuationFields = {
  /** The reply up to which the provider has the conversation; null: it has nothing of it yet. */
  after: z.object({ runId: z.string().max(400), step: z.number().int().min(1).max(1_000_000) }).nullable(),
  /** The tokens that the provider has; an estimate if it has not reported them. */
  keptTokens: z.number().int().min(0).max(1_000_000_000),
  /** Why the local transcript was sent; absent if the conversation was continued, or began. */
  rebuilt: rebuildReasonSchema.optional(),
};

/** How the context of a model call is composed of the durable events of its session. Stored with each call, so that the context can be composed again. */
export const contextRecordSchema = z.object({
  /** `seq` of the newest event in the context. */
  throughSeq: z.number().int().min(0).max(2_147_483_647),
  /** The most earlier runs in the context. */
  runs: z.number().int().min(0).max(1_000),
  /** The recovery that the instructions mention; absent for none. */
  recovered: recoveryReasonSchema.optional(),
  /** Present if the context has the pinned messages of all earlier runs, and begins at the newest summary. */
  atSummary: z.literal(true).optional(),
  /** `seq` of that summary; absent for none. */
  summary: z.number().int().min(1).max(2_147_483_647).optional(),
  /**
   * What the context window had room for: the number of the newest units, each of which is a message, or a reply with the results of
   * its tool calls; and the number of pinned messages before them. Besides, the messages of the run. Absent: everything.
   */
  chosen: z
    .object({ newest: z.number().int().min(0).max(10_000_000), pinned: z.number().int().min(0).max(10_000_000) })
    .optional(),
  /** The limit of output tokens that a budget has set; absent for none. */
  maxOutputTokens: z.number().int().min(1).max(1_000_000_000).optional(),
  /** Absent if the provider keeps nothing: the context is then all of it. */
  continuation: z.object(continuationFields).optional(),
  /** What middleware has changed in the request; absent for nothing. */
  changed: z.lazy((): z.ZodType<ChangedContext> => changedContextSchema).optional(),
});
export type ContextRecord = z.infer<typeof contextRecordSchema>;

const ofRun = { runId: z.string() };
const ofStep = { ...ofRun, step: z.number().int() };

/** Where a part of a context comes from. */
export const originSchema = z.discriminatedUnion('kind', [
  /** The agent's template. */
  z.object({ kind: z.literal('agent') }),
  /** The note that the session was recovered. */
  z.object({ kind: z.literal('recovery'), reason: recoveryReasonSchema }),
  /** The note that the context was built from the transcript. */
  z.object({ kind: z.literal('rebuilt'), reason: rebuildReasonSchema }),
  /** A context provider of the agent. */
  z.object({ kind: z.literal('provider'), name: z.string() }),
  /** The summary of older messages that is the event `seq`. */
  z.object({ kind: z.literal('summary'), seq: z.number().int() }),
  /** The note that older messages are left out. */
  z.object({ kind: z.literal('omission'), omitted: z.number().int() }),
  z.object({
    kind: z.literal('message'),
    ...ofRun,
    messageId: z.string(),
    /** The middleware whose `input` has changed the text; absent for none. */
    changedBy: z.array(z.string()).optional(),
  }),
  z.object({ kind: z.literal('reply'), ...ofStep }),
  z.object({ kind: z.literal('tool'), ...ofStep, callId: z.string() }),
  /** What is wrong with the answer of a step. */
  z.object({ kind: z.literal('feedback'), ...ofStep }),
  /** The `model` hook of middleware. */
  z.object({ kind: z.literal('middleware'), name: z.string() }),
]);
export type Origin = z.infer<typeof originSchema>;

/** A part of a message of the user. The content of an attachment is not part of the context: it is read just before the call. */
const modelPartSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({
    type: z.literal('attachment'),
    attachmentId: z.string(),
    name: z.string(),
    contentType: z.string(),
    size: z.number().int(),
    /** Whether it belongs to the run of the call. */
    isOfRun: z.boolean(),
  }),
]);

/** A message of a model call, as its provider's adapter gets it. */
export const modelMessageSchema = z.union([
  z.object({
    role: z.enum(['system', 'user']),
    content: z.string(),
    /** Absent in a message that is only text. */
    parts: z.array(modelPartSchema).optional(),
  }),
  z.object({
    role: z.literal('assistant'),
    content: z.string(),
    toolCalls: z.array(toolCallRequestSchema),
    /** What the same model attached to the reply, and gets back with it. */
    providerFields: providerFieldsSchema.optional(),
  }),
  z.object({ role: z.literal('tool'), callId: z.string(), tool: z.string(), content: z.string() }),
]);

const toolSchema = z.object({ name: z.string(), description: z.string(), parameters: jsonObjectSchema });
const parametersSchema = z.object({
  toolChoice: z.string(),
  temperature: z.number().nullable(),
  maxOutputTokens: z.number().int().nullable(),
  reasoningEffort: z.enum(['minimal', 'low', 'medium', 'high']).nullable(),
  stream: z.boolean(),
  /** The JSON Schema of the answer; absent if it is text. */
  outputSchema: jsonObjectSchema.optional(),
});

/** Parts that are as they were composed: the first, and the one after the last. */
const unchangedSchema = z.tuple([z.number().int(), z.number().int()]);
const ofMiddleware = { origin: originSchema };

/** How the request of a call differs from the composed context: each list in full, its unchanged parts by their numbers. Absent lists are unchanged. */
export const changedContextSchema = z.union([
  z.object({
    instructions: z.array(z.union([unchangedSchema, z.object({ ...ofMiddleware, text: z.string() })])).optional(),
    messages: z
      .array(z.union([unchangedSchema, z.object({ ...ofMiddleware, message: modelMessageSchema })]))
      .optional(),
    tools: z.array(z.union([unchangedSchema, z.object({ ...ofMiddleware, tool: toolSchema })])).optional(),
    parameters: parametersSchema.optional(),
  }),
  /** The changes were too large to be stored. */
  z.object({ omitted: z.literal(true) }),
]);
export type ChangedContext = z.infer<typeof changedContextSchema>;

/** `tokens`: estimated, by the same estimate that budgets use. */
const part = { origin: originSchema, tokens: z.number().int() };

/** What one model call was given. */
export const callContextSchema = z.object({
  sessionId: z.string(),
  runId: z.string(),
  step: z.number().int(),
  attempt: z.number().int(),
  outcome: callOutcomeSchema,
  agent: z.string(),
  agentVersion: z.string(),
  /** The requested model, `provider/model`. */
  model: z.string(),
  /** False if the call has no record of its context: it was made by an older version, or its worker was lost. The context is then composed by the settings of today. */
  recorded: z.boolean(),
  /** The parts of the system prompt, separated by an empty line. */
  instructions: z.array(z.object({ ...part, text: z.string() })),
  messages: z.array(z.object({ ...part, message: modelMessageSchema })),
  tools: z.array(z.object({ ...part, tool: toolSchema })),
  parameters: parametersSchema,
  /** True if middleware has changed the request and the changes were too large to be stored: the parts are as they were before. */
  changesOmitted: z.boolean().optional(),
  /** The rest of the context, which the provider keeps. Absent if it keeps nothing. */
  conversation: z
    .object({
      ...continuationFields,
      /** Where the provider has it; null if it has nothing yet, and after an import. */
      previous: providerConversationSchema.omit({ model: true }).nullable(),
    })
    .optional(),
  tokens: z.object({
    /** The estimated tokens of the whole request, and of what the provider keeps. */
    estimated: z.number().int(),
    /** The input tokens that the provider reported; null if unknown. */
    reported: z.number().int().nullable(),
  }),
});
export type CallContext = z.infer<typeof callContextSchema>;
