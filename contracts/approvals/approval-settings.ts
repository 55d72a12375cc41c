import { z } from 'zod';
import { LIMITS } from '../limits.ts';

const userNameSchema = z.string().min(1).max(256);

/** Name of a group of users, of a predicate or of an evaluator. */
export const approvalNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "_" or "-"');

/** Who may answer: the user of the session, operators, any other user, or the users of a group in the deployment file. */
const answererSchema = z.union([
  z.enum(['user', 'operators', 'others']),
  z.strictObject({ group: approvalNameSchema }),
]);
export type Answerer = z.infer<typeof answererSchema>;

const waitMs = z.number().int().min(1_000).max(LIMITS.approvalWaitMs.value);

/** What happens to an approval that expires: the call is rejected, the call is executed, or the run fails. */
export const onExpirySchema = z.enum(['reject', 'approve', 'fail']);
export type OnExpiry = z.infer<typeof onExpirySchema>;

const criteriaSchema = z.string().min(1).max(LIMITS.approvalCriteriaCharacters.value);

/** A model that decides about calls, by criteria in words. */
export const modelEvaluatorSchema = z.strictObject({
  /** `provider/model`. Default: that of the agent. */
  model: z.string().min(1).max(200).optional(),
  /** What is to be approved, what denied, and what left to a person: for all tools with the approval `auto`, or for each by its name. */
  criteria: z.union([criteriaSchema, z.record(z.string().min(1).max(64), criteriaSchema)]),
});
export type ModelEvaluator = z.infer<typeof modelEvaluatorSchema>;

/** Settings of an agent's approvals and client tools. Defaults: `core/tools/resolve-approvals.ts`. */
export const approvalSettingsSchema = z.strictObject({
  /** How long a call waits for its answer. Default 7 days. */
  expiresMs: waitMs.optional(),
  /** What happens to an approval that expires. Default `reject`. A client tool that is not answered in time fails. */
  onExpiry: onExpirySchema.optional(),
  /** When reminders are recorded, counted from the request. Default: never. */
  remindMs: z.union([waitMs, z.array(waitMs).min(1).max(LIMITS.approvalReminders.value)]).optional(),
  /** Who may answer: one, or a list. Default: the user and operators. */
  mayAnswer: z.union([answererSchema, z.array(answererSchema).min(1).max(16)]).optional(),
  /** Whether the user of the session may not answer. Default false. */
  fourEyes: z.boolean().optional(),
  /** The evaluator of calls with the approval `auto`: the name of one that a module exports, or a model with criteria. */
  evaluator: z.union([approvalNameSchema, modelEvaluatorSchema]).optional(),
  /** The confidence below which an evaluator's decision is left to a person. Default 0.9. */
  threshold: z.number().min(0).max(1).optional(),
});
export type ApprovalSettings = z.infer<typeof approvalSettingsSchema>;

/** When a call needs an approval: never, always, if a predicate returns true, or unless an evaluator decides. */
export const approvalModeSchema = z.union([
  z.enum(['never', 'always', 'auto']),
  z.strictObject({ when: approvalNameSchema }),
]);
export type ApprovalMode = z.infer<typeof approvalModeSchema>;

const toolNameSchema = z.string().min(1).max(64);

/** A tool that an agent lists: by name, with its approval, or as a tool that clients execute. */
export const toolRefSchema = z.union([
  toolNameSchema,
  z.strictObject({ name: toolNameSchema, approval: approvalModeSchema.optional() }),
  z.strictObject({ client: toolNameSchema }),
]);
export type ToolRef = z.infer<typeof toolRefSchema>;

/** The name in a reference to a tool. */
export function toolNameOf(ref: ToolRef): string {
  if (typeof ref === 'string') return ref;
  return 'client' in ref ? ref.client : ref.name;
}

/** Groups of users, by name. */
export const groupsSchema = z.record(approvalNameSchema, z.array(userNameSchema).max(LIMITS.groupUsers.value));
