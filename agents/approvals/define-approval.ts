import { z } from 'zod';
import {
  approvalNameSchema,
  modelEvaluatorSchema,
  type ModelEvaluator,
} from '../../contracts/approvals/approval-settings.ts';
import type { Json } from '../../contracts/json.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { joinProblems } from '../../core/text/field-problem.ts';

/** Identifies definitions across copies of this module: a template may import it by another path. */
const PREDICATE: unique symbol = Symbol.for('perdure.approval-predicate') as never;
const EVALUATOR: unique symbol = Symbol.for('perdure.approval-evaluator') as never;

/** What the code that decides about an approval is given, besides the arguments of the call. */
export interface ApprovalContext {
  readonly session: SessionKey;
  readonly agent: string;
  readonly runId: string;
  readonly callId: string;
  readonly tool: string;
  /** Aborted when the time of the decision is over. Then a person is asked. */
  readonly signal: AbortSignal;
}

/** Returns whether a call needs an approval. If it throws, takes too long or returns no boolean, a person is asked. */
export type ApprovalFunction<Arguments = Json> = (
  args: Arguments,
  context: ApprovalContext,
) => boolean | Promise<boolean>;

export interface ApprovalPredicateOptions {
  /** The name that templates give in `approval: { when: … }`: 1 to 64 letters, digits, `_` or `-`. */
  readonly name: string;
  /** The arguments are as the model wrote them: not validated. */
  readonly when: ApprovalFunction;
}

/** A predicate that templates name. Created by {@link defineApprovalPredicate}. */
export interface ApprovalPredicate extends ApprovalPredicateOptions {
  readonly [PREDICATE]: true;
}

/** The decision of an evaluator. `pass`: a person is asked. */
export interface Evaluation {
  readonly decision: 'approve' | 'deny' | 'pass';
  /** From 0 to 1. Below the agent's threshold, a person is asked. */
  readonly confidence: number;
  /** Given to the model with a denial. */
  readonly reason?: string;
}

/** An evaluator that is a function. */
export interface FunctionEvaluatorOptions {
  /** The name that agents give in `approvals: { evaluator: … }`: 1 to 64 letters, digits, `_` or `-`. */
  readonly name: string;
  /** Decides about a call with the approval `auto`. The arguments are as the model wrote them. If it throws or takes too long, a person is asked. */
  readonly evaluate: (args: Json, context: ApprovalContext) => Evaluation | Promise<Evaluation>;
}

/** An evaluator that is a model, which is given the call, the description of its tool, and `criteria`. */
export interface ModelEvaluatorOptions extends ModelEvaluator {
  /** As that of a function. */
  readonly name: string;
}

export type ApprovalEvaluatorOptions = FunctionEvaluatorOptions | ModelEvaluatorOptions;

/** An evaluator that agents name. Created by {@link defineApprovalEvaluator}. */
export type ApprovalEvaluator = ApprovalEvaluatorOptions & { readonly [EVALUATOR]: true };

const callback = z.custom((value) => typeof value === 'function', 'must be a function');
const predicateSchema = z.strictObject({ name: approvalNameSchema, when: callback });
const functionSchema = z.strictObject({ name: approvalNameSchema, evaluate: callback });
const modelSchema = modelEvaluatorSchema.extend({ name: approvalNameSchema });

/** Defines a predicate. Throws a TypeError that lists every invalid field. */
export function defineApprovalPredicate(options: ApprovalPredicateOptions): ApprovalPredicate {
  check('approval predicate', predicateSchema, options);
  return Object.freeze({ ...options, [PREDICATE]: true as const });
}

/** Defines an evaluator: a function `evaluate`, or a model with `criteria`. Throws a TypeError that lists every invalid field. */
export function defineApprovalEvaluator(options: ApprovalEvaluatorOptions): ApprovalEvaluator {
  const isModel = typeof options === 'object' && options !== null && 'criteria' in options;
  check('approval evaluator', isModel ? modelSchema : functionSchema, options);
  return Object.freeze({ ...options, [EVALUATOR]: true as const });
}

/** Whether a value was created by {@link defineApprovalPredicate}. */
export function isApprovalPredicate(value: unknown): value is ApprovalPredicate {
  return typeof value === 'object' && value !== null && PREDICATE in value;
}

/** Whether a value was created by {@link defineApprovalEvaluator}. */
export function isApprovalEvaluator(value: unknown): value is ApprovalEvaluator {
  return typeof value === 'object' && value !== null && EVALUATOR in value;
}

function check(what: string, schema: z.ZodType, options: { readonly name?: unknown }): void {
  const parsed = schema.safeParse(options);
  if (parsed.success) return;
  const problems = describeIssues(parsed.error.issues, { schema, input: options, mayQuote: true });
  const name = JSON.stringify(options?.name) ?? 'without a name';
  throw new TypeError(`The ${what} ${name} is not valid: ${joinProblems(problems)}.`);
}
