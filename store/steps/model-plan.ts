import { planModels, type ModelPlan } from '../../core/providers/plan-models.ts';
import type { LoadedPosition } from '../runs/load-run.ts';
import { nextStepOf } from '../runs/read-tries.ts';

/** Plans which models the next attempt may ask. The run is started. `starts`: this is its first attempt after a start or a resume. */
export function modelPlan(
  { run, step: newest, tries }: Pick<LoadedPosition, 'run' | 'step' | 'tries'>,
  model: string,
  starts: boolean,
): ModelPlan {
  const isOpen = newest !== null && !newest.committed;
  const attemptsBefore = isOpen ? (starts ? newest.attempts : newest.attempts_before) : 0;
  const { fallback_models: others } = run;
  if (others === null) {
    const attempts = isOpen ? newest.attempts - attemptsBefore : 0;
    return { candidates: [model], failed: [], attemptsOf: () => attempts };
  }
  return planModels({
    models: [model, ...others],
    step: nextStepOf(newest),
    attemptsBefore,
    starts,
    tries: tries ?? [],
  });
}
