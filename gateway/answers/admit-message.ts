import { admit } from '../../admission/admit.ts';
import type { AdmissionDeps } from '../../admission/admission-deps.ts';
import { wakeReference } from '../../admission/wake-reference.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { MessageInput, Receipt } from '../../contracts/session/message.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { UserRotation } from '../../core/load/user-rotation.ts';
import type { LoadMonitor } from './load-monitor.ts';
import type { SessionWaker } from './session-waker.ts';
import type { UpdateLimit } from './limit-updates.ts';

/**
 * Transactions of admissions at once. The store has ten connections in each process; the others are for reads. Those beyond
 * `perUser` are left to other users, whose messages a burst of one user does not delay then.
 */
const AT_ONCE = { atOnce: 8, perUser: 6 };

export interface AdmittedMessage {
  readonly receipt: Receipt;
  /** Whether the message was admitted before: its run may have ended. */
  readonly duplicate: boolean;
}

/** Admits a valid message to the store. Throws the refusal. */
export type AdmitMessage = (
  key: SessionKey,
  kind: 'session' | 'run',
  message: MessageInput & { readonly id: string },
) => Promise<AdmittedMessage>;

export interface AdmitMessageDeps {
  readonly admission: AdmissionDeps;
  readonly waker: Pick<SessionWaker, 'wake'>;
  readonly within: UpdateLimit;
  readonly load: Pick<LoadMonitor, 'admitting'>;
  /** Called with each new message. */
  readonly onAdmitted: () => void;
}

/**
 * Creates the function that admits messages: users in turn, each message in one transaction, whether or not Temporal or a worker
 * responds. Afterwards, in the background, it signals the session's workflow and stops an interrupted run on the live channel.
 */
export function createAdmitMessage({ admission, waker, within, load, onAdmitted }: AdmitMessageDeps): AdmitMessage {
  const rotation = new UserRotation(AT_ONCE);
  return async (key, kind, message) => {
    const traceparent = admission.telemetry.tracing.traceparent();
    const request = { messages: [message], kind, execution: null, beforeWorkflow: true, traceparent };
    const admitInTurn = () => rotation.run(key.user, () => admit(admission, key, request).catch(rethrow));
    const admitted = await within(key, () => load.admitting(key.user, admitInTurn));
    const [decision] = admitted.results;
    if (!decision) throw new Error('The store returned no result for a message.');
    if (!decision.ok) {
      const { code, detail, retryAfterMs, budget } = decision;
      throw new PerdureError(code, detail, { retryAfterMs: retryAfterMs ?? undefined, budget });
    }
    const { receipt, duplicate, interrupts } = decision;
    const reference = wakeReference(admitted);
    const woken = reference ? waker.wake(key, kind, reference) : Promise.resolve();
    // After the signal: when the run has stopped, the workflow must know the one that goes before the queued ones.
    if (interrupts !== null) void woken.then(() => requestStop(admission, key, interrupts));
    if (!duplicate) onAdmitted();
    return { receipt, duplicate };
  };
}

/** Stops a run at the worker that executes it. Where this message is lost, the store has the request. */
function requestStop({ live }: Pick<AdmissionDeps, 'live'>, key: SessionKey, runId: string): void {
  live.publish(key, { kind: 'control', runId, command: 'cancel', reason: 'interrupted' });
}

/** A transaction that was cut off may have been committed. */
function rethrow(error: unknown): never {
  if (!(error instanceof PerdureError) || error.code !== 'store_unavailable') throw error;
  throw new PerdureError(
    'store_unavailable',
    'The store is unavailable, so it is not known whether this was accepted. Send it again with the same id.',
    { retryAfterMs: 2_000, cause: error },
  );
}
