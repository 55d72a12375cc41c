import { allHandlersFinished, CancellationScope, condition, isCancellation, type Workflow } from '@temporalio/workflow';
import { untilDone } from './activity-proxies.ts';
import { carriedState, continueOnCurrentVersion, historyIsLong } from './carried-state.ts';
import { handleMessages } from './handle-messages.ts';
import { identity } from './identity.ts';
import { SessionControl } from './session-control.ts';

/** One user's conversation with an agent. The workflow id identifies it; only continue-as-new passes an argument. */
export async function agentSession(carried?: unknown): Promise<void> {
  await serve(new SessionControl(identity('session'), carriedState(carried), { expires: true }), 'session');
}

/** One run without a session. As {@link agentSession}, but it completes when its run has ended. */
export async function agentRun(carried?: unknown): Promise<void> {
  await serve(new SessionControl(identity('run'), carriedState(carried), { expires: false }), 'run');
}

async function serve(session: SessionControl, kind: 'session' | 'run'): Promise<void> {
  const counts = { updates: 0, signals: 0, isAsked: false };
  handleMessages(session, counts);

  const { runs, background } = session;
  const isIdle = () => session.isQuiescent && allHandlersFinished();
  const isSettled = () => isIdle() && background.isQuiescent;
  const isLong = () => historyIsLong(counts);
  const isOver = () =>
    !runs.canStart && isSettled() && (kind === 'run' ? !session.isWaiting : session.status !== 'active');

  // Started without a message: opens the session with the default agent, or recovers one that exists in the store.
  if (isOver()) await session.open({}, untilDone);

  try {
    await loop();
  } catch (error) {
    // Cancelled in Temporal: messages that have arrived are still admitted. Their runs wait in the store for the next start.
    if (isCancellation(error)) await CancellationScope.nonCancellable(() => condition(isSettled));
    throw error;
  }

  async function loop(): Promise<void> {
    for (;;) {
      await condition(() => runs.canStart || isOver() || (isLong() && isIdle()));
      if (isOver()) return;
      if (runs.canStart && !isLong()) await runs.advanceNext(isLong);
      if (isLong()) {
        background.hold();
        await condition(isSettled);
        const carried = session.carry();
        if (!carried) return;
        await continueOnCurrentVersion<Workflow>(carried);
      }
    }
  }
}
