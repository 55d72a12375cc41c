import { setTimeout as delay } from 'node:timers/promises';
import type { PerdureEvent } from '../contracts/events/event.ts';
import { eventsOf } from '../test/support/gateway/http-calls.ts';
import type { Effect } from '../test/support/process/process-agents/agents.ts';
import type { System } from './parts/start-system.ts';
import type { Accepted } from './traffic/ledger.ts';
import { answerTo } from './traffic/script.ts';

/** Faults of sessions that must not be. */
const SESSION_FAULTS = ['lost', 'doubled', 'misordered', 'gaps', 'stuck', 'wrong'] as const;
type SessionFaults = Record<(typeof SESSION_FAULTS)[number], string[]>;

export const KINDS = [...SESSION_FAULTS, 'effects doubled'] as const;
export type FaultsFound = Readonly<Record<(typeof KINDS)[number], readonly string[]>>;

/** Waits until every accepted message is answered, at most `patienceMs`, and then compares what is stored with what was accepted. */
export async function checkSessions(
  system: System,
  accepted: readonly Accepted[],
  patienceMs: number,
): Promise<SessionFaults> {
  const found = Object.fromEntries(SESSION_FAULTS.map((kind) => [kind, [] as string[]])) as SessionFaults;
  const until = Date.now() + patienceMs;
  for (const [session, messages] of Map.groupBy(accepted, (one) => one.session)) {
    const events = await settledEvents(system, session, until);
    checkSession(session, messages, events, found);
  }
  return found;
}

/** Tools that may not be repeated and acted twice for a message, and others whose attempts had different keys. */
export function doubledEffects(effects: readonly Effect[]): string[] {
  return [...Map.groupBy(effects, ({ tool, mark }) => `${tool} of ${mark}`)].flatMap(([what, times]) => {
    const count = times[0]?.tool === 'act' ? times.length : new Set(times.map(({ key }) => key)).size;
    return count > 1 ? [`${what}: ${count} times`] : [];
  });
}

function checkSession(
  session: string,
  messages: readonly Accepted[],
  events: readonly PerdureEvent[],
  found: SessionFaults,
): void {
  if (events.some(({ seq }, index) => seq !== index + 1)) found.gaps.push(session);
  const received = events.filter((event) => event.type === 'message.received');
  const started = events.filter((event) => event.type === 'run.started').map(({ runId }) => runId);
  if (String(started) !== String(received.map(({ runId }) => runId).slice(0, started.length)))
    found.misordered.push(session);
  const arrived = new Set(messages.map(({ id }) => id));
  for (const { messageId } of received) {
    if (!arrived.has(messageId)) found.wrong.push(`${messageId}: stored, but its sender has no receipt`);
  }
  for (const { id } of messages) {
    const runs = received.filter(({ messageId }) => messageId === id).map(({ runId }) => runId);
    if (runs.length === 0) found.lost.push(id);
    if (runs.length > 1) found.doubled.push(id);
    for (const runId of runs) {
      const ends = events.filter((event) => isEnd(event) && event.runId === runId);
      const [end] = ends;
      if (end === undefined) found.stuck.push(id);
      else if (ends.length > 1) found.doubled.push(id);
      else if (end.type !== 'run.completed') found.wrong.push(`${id}: ${end.type}`);
      else if (end.output !== answerTo(id)) found.wrong.push(`${id}: another answer`);
    }
  }
}

function isEnd(
  event: PerdureEvent,
): event is Extract<PerdureEvent, { type: 'run.completed' | 'run.failed' | 'run.cancelled' }> {
  return event.type === 'run.completed' || event.type === 'run.failed' || event.type === 'run.cancelled';
}

/** The events of a session once every run has ended, or those of now when the time is up. */
async function settledEvents(system: System, session: string, until: number): Promise<readonly PerdureEvent[]> {
  for (;;) {
    const events = await eventsOf({ url: system.gateways[0] ?? '', user: session }, session).catch(() => null);
    const count = (wanted: (event: PerdureEvent) => boolean) => events?.filter(wanted).length;
    const isSettled = events !== null && count(({ type }) => type === 'message.received') === count(isEnd);
    if (isSettled || Date.now() > until) return events ?? [];
    await delay(250);
  }
}
