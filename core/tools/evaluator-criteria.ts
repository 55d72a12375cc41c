import type { ModelEvaluator } from '../../contracts/approvals/approval-settings.ts';

/** The criteria for the calls of a tool; null if the evaluator has none, so that a person is asked. */
export function criteriaFor(criteria: ModelEvaluator['criteria'], tool: string): string | null {
  if (typeof criteria === 'string') return criteria;
  return Object.hasOwn(criteria, tool) ? (criteria[tool] ?? null) : null;
}
