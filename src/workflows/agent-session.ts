import {
  allHandlersFinished,
  condition,
  continueAsNew,
  setDefaultSignalHandler,
  setHandler,
  type Workflow,
} from '@temporalio/workflow';
import { insist } from './activity-proxies.ts';
import { carriedState, historyIsLong } from './carried-state.ts';
import { identity } from './identity.ts';
import { queries, signals, updates } from './messages.ts';
import { SessionControl } from './session-control.ts';

/** One user's conversation with an agent. Its identity is its workflow id; its argument is for its own next execution. */
export async function agentSession(carried?: unknown): Promise<void> {
  await serve(new SessionControl(identity('session'), carriedState(carried)), 'session');
}

/** One run without a session: the same, but over when its run is. */
export async function agentRun(carried?: unknown): Promise<void> {
  await serve(new SessionControl(identity('run'), carriedState(carried)), 'run');
}

async function serve(session: SessionControl, kind: 'session' | 'run'): Promise<void> {
  const counts = { updates: 0, signals: 0 };
  handleMessages(session, counts);

  const settled = () => session.quiet && allHandlersFinished();
  const pause = () => historyIsLong(counts);
  const idle = () => !session.hasRun && settled();
  const over = () => idle() && (kind === 'run' || session.status !== 'active');

  // Started with nothing to do: a session is opened as it is asked for, with the default agent.
  if (over() && kind === 'session') await session.openByItself();

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

function handleMessages(session: SessionControl, counts: { updates: number; signals: number }): void {
  const counted =
    <T>(what: keyof typeof counts, handle: (input: unknown) => Promise<T>) =>
    (input?: unknown): Promise<T> => {
      counts[what] += 1;
      return handle(input);
    };
  /** A signal's sender hears nothing: that it was refused is recorded in the session. */
  const quietly = (handle: (input: unknown) => Promise<unknown>) =>
    counted('signals', async (input) => {
      try {
        await handle(input);
      } catch (error) {
        await session.recordRefusal(error);
      }
    });

  setHandler(
    updates.openSession,
    counted('updates', (input) => session.open(input)),
  );
  setHandler(
    updates.submitMessage,
    counted('updates', (input) => session.submit(input)),
  );
  setHandler(
    updates.updateSession,
    counted('updates', (input) => session.update(input)),
  );
  setHandler(
    updates.cancelRun,
    counted('updates', (input) => session.cancelRun(input)),
  );
  setHandler(
    updates.resumeRun,
    counted('updates', (input) => session.resumeRun(input)),
  );
  setHandler(
    updates.endSession,
    counted('updates', (input) => session.end(input)),
  );

  setHandler(
    signals.submitMessage,
    counted('signals', (input) => session.deliver(input)),
  );
  setHandler(
    signals.updateSession,
    quietly((input) => session.update(input)),
  );
  setHandler(
    signals.cancelRun,
    quietly((input) => session.cancelRun(input)),
  );
  setHandler(
    signals.endSession,
    quietly((input) => session.end(input, insist)),
  );
  setDefaultSignalHandler((name) => counted('signals', () => session.deliver(name, 'unknown-signal'))());

  setHandler(queries.session, () => session.snapshot());
}
