import type { EventType, NewEvent, PerdureEvent } from '../../contracts/events/event.ts';

/** A row of the table `events`. */
export interface EventRow {
  readonly seq: number;
  readonly type: EventType;
  readonly run_id: string | null;
  readonly step: number | null;
  readonly attempt: number | null;
  readonly at: string;
  /** The fields without a column of their own. */
  readonly data: object;
}

/** The fields with columns of their own. An event type that declares one of them differently does not compile. */
interface EventColumns {
  readonly type: EventType;
  readonly runId?: string | undefined;
  readonly step?: number;
  readonly attempt?: number;
}

/** Returns the row of a new event. */
export function eventRowOf(event: NewEvent, seq: number, at: string): EventRow {
  const columns: EventColumns = event;
  const { type, runId, step, attempt, ...data } = columns;
  return { seq, type, run_id: runId ?? null, step: step ?? null, attempt: attempt ?? null, at, data };
}

/** Returns the row of a stored event. */
export function storedRowOf({ sessionId: _session, seq, at, ...event }: PerdureEvent): EventRow {
  return eventRowOf(event, seq, at);
}

/** Returns the event of a row: equal to the one that was appended, including the order of its keys. */
export function eventOf(row: EventRow, sessionId: string): PerdureEvent {
  return {
    seq: row.seq,
    type: row.type,
    at: row.at,
    sessionId,
    ...(row.run_id === null ? {} : { runId: row.run_id }),
    ...(row.step === null ? {} : { step: row.step }),
    ...(row.attempt === null ? {} : { attempt: row.attempt }),
    ...row.data,
  } as PerdureEvent;
}
