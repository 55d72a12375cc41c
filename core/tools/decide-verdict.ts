import type { ToolSpec } from '../../contracts/agent.ts';

/** What becomes of a tool call: it is executed, a person is asked, a client executes it, or it fails. */
export type Verdict =
  | { readonly kind: 'run' }
  | { readonly kind: 'ask' }
  | { readonly kind: 'client' }
  | { readonly kind: 'refuse'; readonly error: string };

/** What an evaluator returned. */
export interface EvaluatorDecision {
  readonly decision: 'approve' | 'deny' | 'pass';
  readonly confidence: number;
  readonly reason?: string | undefined;
}

export interface VerdictFacts {
  readonly spec: Pick<ToolSpec, 'approval' | 'client'>;
  /** Whether an earlier approval of the tool is remembered. */
  readonly remembered: boolean;
  /** What the predicate or the tool's function returned. Null: it failed, took too long, or there is no code for it. */
  readonly needed: boolean | null;
  /** What the evaluator returned; null as for `needed`. */
  readonly evaluation: EvaluatorDecision | null;
  /** The confidence below which the evaluator's decision does not count. */
  readonly threshold: number;
}

/** Decides on a call. Whatever is not known asks a person: nothing fails open. */
export function decideVerdict({ spec, remembered, needed, evaluation, threshold }: VerdictFacts): Verdict {
  if (spec.client) return { kind: 'client' };
  const { approval } = spec;
  if (approval === undefined || remembered) return { kind: 'run' };
  if (approval === 'always') return { kind: 'ask' };
  if (approval !== 'auto') return needed === false ? { kind: 'run' } : { kind: 'ask' };
  const counts = evaluation !== null && evaluation.confidence >= threshold && evaluation.confidence <= 1;
  if (!counts || evaluation.decision === 'pass') return { kind: 'ask' };
  if (evaluation.decision === 'approve') return { kind: 'run' };
  const reason = evaluation.reason === undefined ? '' : ` Reason: ${evaluation.reason}`;
  return { kind: 'refuse', error: `The call was not approved.${reason}` };
}
