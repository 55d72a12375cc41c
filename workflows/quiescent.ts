import { CancellationScope, condition } from '@temporalio/workflow';

/**
 * Waits until the current activation is quiescent: every continuation that can run has run. Results of local activities
 * are applied only then, so that commands come in history order (decision 7).
 *
 * On replay the SDK may deliver a local activity's result in the same activation as an earlier event (the completion of
 * an activity, a signal) that the first execution received in an activation of its own. Applying the result last gives
 * the same order of commands either way.
 *
 * The SDK evaluates conditions when the microtask queue is empty. The second wait covers the continuations that the
 * first evaluation has resumed.
 */
export async function untilQuiescent(): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    for (let round = 1; round <= 2; round += 1) {
      let microtasksDrained = false;
      void Promise.resolve().then(() => (microtasksDrained = true));
      await condition(() => microtasksDrained);
    }
  });
}
