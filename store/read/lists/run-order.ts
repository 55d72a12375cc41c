import type { RunOrder } from '../../../contracts/session/run.ts';
import { cursorOf, positionIn } from '../../db/cursor.ts';
import { PerdureError } from '../../../contracts/errors.ts';

/** The position of a run in a list: the value that it is ordered by, and its key. */
export interface RunPosition {
  /** The time from which ages count, the same on every page. */
  readonly at: string;
  readonly value: string;
  readonly runId: string;
  readonly user: string;
  readonly session: string;
}

interface Ordering {
  /** SQL of the value for the run `r`, its wait `w` and SQL of the time. */
  readonly value: (at: string) => string;
  readonly type: 'timestamptz' | 'bigint';
  readonly ascending: boolean;
}

export const ORDERINGS: Readonly<Record<RunOrder, Ordering>> = {
  newest: { value: () => 'r.created_at', type: 'timestamptz', ascending: false },
  slowest: {
    value: (at) => `(extract(epoch FROM coalesce(r.ended_at, ${at}) - r.created_at) * 1000)::bigint`,
    type: 'bigint',
    ascending: false,
  },
  dearest: { value: () => 'r.cost_nanos', type: 'bigint', ascending: false },
  waiting: { value: () => 'w.since', type: 'timestamptz', ascending: true },
};

/** Encodes a position of a list in this order. */
export function runCursorOf(order: RunOrder, { at, value, runId, user, session }: RunPosition): string {
  return cursorOf([order, at, value, runId, user, session]);
}

/** Decodes a cursor of a list in this order. Throws `invalid_request` for any other text, and for one of another order. */
export function runPositionIn(order: RunOrder, cursor: string): RunPosition {
  const value = ORDERINGS[order].type === 'bigint' ? 'string' : 'time';
  const [of, at, found, runId, user, session] = positionIn(cursor, [
    'string',
    'time',
    value,
    'string',
    'string',
    'string',
  ]) as [string, string, string, string, string, string];
  if (of === order && (value === 'time' || /^-?\d{1,18}$/.test(found)))
    return { at, value: found, runId, user, session };
  throw new PerdureError(
    'invalid_request',
    `The cursor belongs to a list in another order than ${JSON.stringify(order)}. Pass it with the parameters of the page that it came with, or omit it.`,
  );
}
