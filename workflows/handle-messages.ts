import type { SignalDefinition, UpdateDefinition } from '@temporalio/common';
import { setDefaultSignalHandler, setHandler } from '@temporalio/workflow';
import { untilDone } from './activity-proxies.ts';
import type { MessageCounts } from './carried-state.ts';
import { queries, signals, updates } from './messages.ts';
import type { SessionControl } from './session-control.ts';

type Handle = (input: unknown) => Promise<unknown>;

/** Shown in the Temporal UI. */
const AS_UPDATE = 'As the update of this name, without a result.';

/** Registers the handlers of a session's updates, signals and query. Each message increments `counts`. */
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
  onUpdate(
    updates.recordCounts,
    'Adds counts of an application: {key, requests?, errors?, …}, once per key.',
    (input) => session.record(input),
  );
  onUpdate(updates.cancelRun, 'Stops the current run, or the one named: {runId?}.', (input) =>
    session.cancelRun(input),
  );
  onUpdate(updates.resumeRun, 'Resumes a failed run from its last step: {runId}.', (input) => session.resumeRun(input));
  onUpdate(updates.endSession, 'Ends the session: {status?, reason?}.', (input) => session.end(input));

  onUpdate(
    updates.answerApproval,
    'Answers an approval: {itemId, answer: {decision, reason?, arguments?, remember?}}.',
    (input) => session.answer('answerApproval', input),
  );
  onUpdate(updates.answerClientCall, 'Hands in the result of a client tool: {itemId, answer: {result}}.', (input) =>
    session.answer('answerClientCall', input),
  );

  // The sender of a signal gets no result. Admission records the refusal of a message; `recorded` that of a command.
  onSignal(signals.submitMessage, AS_UPDATE, (input) => session.deliver(input));
  onSignal(
    signals.updateSession,
    AS_UPDATE,
    recorded((input) => session.update(input, untilDone)),
  );
  onSignal(
    signals.recordCounts,
    AS_UPDATE,
    recorded((input) => session.record(input, untilDone)),
  );
  onSignal(
    signals.cancelRun,
    AS_UPDATE,
    recorded((input) => session.cancelRun(input, untilDone)),
  );
  onSignal(
    signals.endSession,
    AS_UPDATE,
    recorded((input) => session.end(input, untilDone)),
  );
  onSignal(
    signals.answerApproval,
    AS_UPDATE,
    recorded((input) => session.answer('answerApproval', input, untilDone)),
  );
  onSignal(
    signals.answerClientCall,
    AS_UPDATE,
    recorded((input) => session.answer('answerClientCall', input, untilDone)),
  );
  onSignal(signals.serverLost, 'Starts another activity: the worker that served the session is lost.', (input) =>
    session.serverLost(input),
  );
  onSignal(
    signals.wake,
    'The store has a run for the session; sent by gateways.',
    recorded((input) => session.wake(input)),
  );
  onSignal(signals.checkExpiry, 'Checks in the store whether the session has expired.', () => session.checkExpiry());
  onSignal(signals.afterRuns, 'Runs have left calls for the background; sent by workers.', async () =>
    session.background.begin(),
  );
  onSignal(signals.continueAsNew, 'Continues as new once nothing is in progress.', async () => {
    counts.isAsked = true;
  });
  onSignal(signals.lookAtLife, 'The earlier name of checkExpiry.', () => session.checkExpiry());
  setDefaultSignalHandler(async (name) => {
    counts.signals += 1;
    await session.deliver(name, 'unknown-signal');
  });

  setHandler(queries.session, () => session.snapshot(), { description: 'The state that the workflow holds.' });

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
