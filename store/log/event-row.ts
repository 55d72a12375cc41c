import type { NewEvent, PerdureEvent } from '../../contracts/session/event.ts';

/** An event as its row in the store. */
export interface EventRow {
  readonly seq: number;
  readonly type: string;
  readonly run_id: string | null;
  readonly step: number | null;
  readonly attempt: number | null;
  readonly at: string;
  /** What is left: the event's own fields. */
  readonly data: object;
}

/** The row of a new event. */
export function eventRowOf(event: NewEvent, seq: number, at: string): EventRow {
  const { type, ...fields } = event as { type: string; runId?: string; step?: number; attempt?: number };
  const { runId, step, attempt, ...data } = fields;
  return { seq, type, run_id: runId ?? null, step: step ?? null, attempt: attempt ?? null, at, data };
}

/** The event in a row. What was just appended and what is read later are the same, the order of keys included. */
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
