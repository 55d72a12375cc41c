import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  type Workflow,
} from '@temporalio/workflow';
import { carriedState, historyIsLong } from './carried-state.ts';
import { handleMessages } from './handle-messages.ts';
import { identity } from './identity.ts';
import { SessionControl } from './session-control.ts';

/** One user's conversation with an agent. Its identity is its workflow id; its argument is for its own next execution. */
export async function agentSession(carried?: unknown): Promise<void> {
  await serve(new SessionControl(identity('session'), carriedState(carried), { expires: true }), 'session');
}

/** One run without a session: the same, but over when its run is. */
export async function agentRun(carried?: unknown): Promise<void> {
  await serve(new SessionControl(identity('run'), carriedState(carried), { expires: false }), 'run');
}

async function serve(session: SessionControl, kind: 'session' | 'run'): Promise<void> {
  const counts = { updates: 0, signals: 0 };
  handleMessages(session, counts);

  const settled = () => session.quiet && allHandlersFinished();
  const pause = () => historyIsLong(counts);
  const idle = () => !session.hasRun && settled();
  const over = () => idle() && (kind === 'run' || session.status !== 'active');

  // Started with nothing to do: a session is opened as it is asked for, with the default agent, and a lost one goes on.
  if (over()) await session.openByItself();

  try {
    await converse();
  } catch (error) {
    // Cancelled in Temporal: what has come in is still admitted, and waits in the store for the next start.
    if (isCancellation(error)) await CancellationScope.nonCancellable(() => condition(settled));
    throw error;
  }

  async function converse(): Promise<void> {
    for (;;) {
      await condition(() => session.hasRun || over() || (pause() && settled()));
      if (over()) return;
      if (session.hasRun && !pause()) await session.advanceNext(pause);
      if (pause()) {
        await condition(settled);
        const carried = session.carry();
        if (!carried) return;
        await continueAsNew<Workflow>(carried);
      }
    }
  }
}
