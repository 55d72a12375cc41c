import { PerdureError } from '../../contracts/errors.ts';
import { chargeRemovedCall } from '../../store/budgets/charge-removed-call.ts';
import type { CallEstimate } from '../../store/budgets/model-call.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { callCost } from './call-budget.ts';
import type { StepTask } from './step-task.ts';

/** A model call with its record. */
interface ClaimedCall extends Pick<StepTask, 'key'> {
  readonly position: Pick<StepTask['position'], 'model'> & {
    readonly claimed: Pick<StepTask['position']['claimed'], 'modelCall'>;
  };
}

/** Records the end of a model call. If its session was removed meanwhile, charges the estimate of its output to the user's day, and throws `not_found`. */
export async function chargingIfRemoved<T>(
  deps: ActivityDeps,
  { key, position: { model, claimed } }: ClaimedCall,
  estimate: CallEstimate | null,
  record: () => Promise<T>,
): Promise<T> {
  try {
    return await record();
  } catch (error) {
    const removed = error instanceof PerdureError && error.code === 'not_found';
    if (removed && estimate) {
      const { inputTokens, outputTokens, nanos } = estimate;
      const input = { inputTokens, outputTokens: 0, cachedTokens: null, reasoningTokens: null };
      const inputNanos = callCost(deps, model, input).nanos ?? 0;
      const output = { outputTokens, nanos: nanos === null ? null : Math.max(0, nanos - inputNanos) };
      await chargeRemovedCall(deps.db, key.user, claimed.modelCall, output);
    }
    throw error;
  }
}
