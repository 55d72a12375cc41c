import type { SignalDefinition, UpdateDefinition } from '@temporalio/common';
import { setDefaultSignalHandler, setHandler } from '@temporalio/workflow';
import { insist } from './activity-proxies.ts';
import { queries, signals, updates } from './messages.ts';
import type { SessionControl } from './session-control.ts';

type Handle = (input: unknown) => Promise<unknown>;

/** What came in during this execution. */
export interface MessageCounts {
  updates: number;
  signals: number;
}

/** Lets a session hear its updates, signals and query; `counts` grows with each. Descriptions are for the Temporal UI. */
export function handleMessages(session: SessionControl, counts: MessageCounts): void {
  onUpdate(updates.submitMessage, 'Delivers a message: {id?, content, whileRunning?, agent?}.', (input) =>
    session.submit(input),
  );
  onUpdate(updates.openSession, 'Creates the session if absent: {agent?, metadata?, policy?}.', (input) =>
    session.open(input),
  );
  onUpdate(updates.updateSession, 'Merges {metadata?, state?, policy?}; null removes a key.', (input) =>
    session.update(input),
  );
  onUpdate(updates.cancelRun, 'Stops the current run, or the one named: {runId?}.', (input) =>
    session.cancelRun(input),
  );
  onUpdate(updates.resumeRun, 'Lets a failed run go on from its last step: {runId}.', (input) =>
    session.resumeRun(input),
  );
  onUpdate(updates.endSession, 'Ends the session: {status?, reason?}.', (input) => session.end(input));

  // A signal's sender hears nothing. A message's refusal is recorded by its admission, another's here.
  onSignal(signals.submitMessage, 'The update of this name, without an answer.', (input) => session.deliver(input));
  onSignal(
    signals.updateSession,
    'The update of this name, without an answer.',
    recorded((input) => session.update(input, insist)),
  );
  onSignal(
    signals.cancelRun,
    'The update of this name, without an answer.',
    recorded((input) => session.cancelRun(input)),
  );
  onSignal(
    signals.endSession,
    'The update of this name, without an answer.',
    recorded((input) => session.end(input, insist)),
  );
  onSignal(signals.lookAtLife, 'Asks the store whether the session has expired.', () => session.lookAtLife());
  setDefaultSignalHandler(async (name) => {
    counts.signals += 1;
    await session.deliver(name, 'unknown-signal');
  });

  setHandler(queries.session, () => session.snapshot(), { description: 'The small state that the workflow holds.' });

  function onUpdate<T>(
    name: UpdateDefinition<T, [input?: unknown]>,
    description: string,
    handle: (input: unknown) => Promise<T>,
  ): void {
    const counted = (input?: unknown): Promise<T> => {
      counts.updates += 1;
      return handle(input);
    };
    setHandler(name, counted, { description });
  }

  function onSignal(name: SignalDefinition<[input?: unknown]>, description: string, handle: Handle): void {
    const counted = async (input?: unknown): Promise<void> => {
      counts.signals += 1;
      await handle(input);
    };
    setHandler(name, counted, { description });
  }

  function recorded(handle: Handle): Handle {
    return (input) => handle(input).catch((error: unknown) => session.recordRefusal(error));
  }
}
