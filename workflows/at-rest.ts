import { CancellationScope, condition } from '@temporalio/workflow';

/**
 * Resolves when what this activation has set in motion has come to rest: whoever could go on, has.
 *
 * Results of local activities are taken up only then. When it replays, the SDK may tell a local
 * activity's result together with what came before it (the end of an activity, a signal), where it told them one after
 * the other at first: whenever the workflow task was completed while the local activity still ran, as it is at half its
 * timeout. Whatever the grouping, others act first, so commands come in the order in which they are in the history.
 *
 * Conditions are looked at when no microtask is left. The second look lets those have their turn that the first has woken.
 */
export async function atRest(): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    for (let look = 1; look <= 2; look += 1) {
      let noMicrotaskLeft = false;
      void Promise.resolve().then(() => (noMicrotaskLeft = true));
      await condition(() => noMicrotaskLeft);
    }
  });
}
