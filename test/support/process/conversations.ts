import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { call, eventsOf, pathOf } from '../gateway/http-calls.ts';
import { callerOf } from './deployment.ts';
import type { PerdureProcess } from './perdure-process.ts';

/** A message whose receipt its sender has. */
export interface AcceptedMessage {
  readonly session: string;
  readonly id: string;
  /** Epoch ms at which it was first sent. */
  readonly sentAt: number;
}

/** Sends a message with the same id, to the gateway of the moment, until one accepts it. */
export async function sendUntilAccepted(
  gateway: () => PerdureProcess,
  session: string,
  id: string,
  content: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<AcceptedMessage> {
  const sentAt = Date.now();
  for (;;) {
    try {
      const response = await call(
        callerOf(gateway(), session),
        'POST',
        pathOf(session, 'messages'),
        { id, content },
        headers,
      );
      await response.text();
      if (response.ok) return { session, id, sentAt };
      if (response.status !== 503) throw new RangeError(`Message ${id} to ${session} gave ${response.status}.`);
    } catch (error) {
      if (error instanceof RangeError) throw error;
    }
    await delay(50);
  }
}

/**
 * Checks each session's events: no number is missing, every accepted message has one run, the runs were executed in the order of
 * their messages, and each ended once with the answer to its message. Returns the events of each session.
 */
export async function expectAnsweredOnce(
  gateway: PerdureProcess,
  accepted: readonly AcceptedMessage[],
  answerTo: (id: string) => string = (id) => id,
): Promise<ReadonlyMap<string, readonly PerdureEvent[]>> {
  const bySession = Map.groupBy(accepted, ({ session }) => session);
  const found = new Map<string, readonly PerdureEvent[]>();
  for (const [session, messages] of bySession) {
    const events = await eventsOf(callerOf(gateway, session), session);
    found.set(session, events);
    const received = events.flatMap((event) => (event.type === 'message.received' ? [event] : []));
    const runIds = received.map(({ runId }) => runId);
    const ids = received.map(({ messageId }) => messageId);
    const of = (type: PerdureEvent['type']) => events.flatMap((event) => (event.type === type ? [event] : []));
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect({ session, ids: ids.toSorted() }).toEqual({ session, ids: messages.map(({ id }) => id).toSorted() });
    expect({ session, runs: of('run.started').map((event) => 'runId' in event && event.runId) }).toEqual({
      session,
      runs: runIds,
    });
    expect({ session, answers: of('run.completed').map((event) => 'output' in event && event.output) }).toEqual({
      session,
      answers: ids.map((id) => answerTo(id)),
    });
    expect(of('run.failed')).toEqual([]);
  }
  return found;
}
