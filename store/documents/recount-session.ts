import { endsRun } from '../../contracts/events/event-traits.ts';
import { SUM_COLUMNS } from '../log/sums.ts';
import type { ImportRows } from './import-schema.ts';

type Column = (typeof SUM_COLUMNS)[number];

/** Columns of 32 bits. */
const SMALL = ['unpriced_calls', 'unmetered_calls', 'estimated_calls'] as const;

/** Counters of the table `sessions`. */
export interface SessionCounters extends Readonly<Record<Column, number | null>> {
  readonly messages: number;
  readonly runs: number;
  readonly errors: number;
  readonly ended_runs: number;
  readonly timed_runs: number;
  readonly busy_ms: number;
  readonly last_ordinal: number;
}

/** Counts the rows of a session anew, so that no counter of a document is believed. Null when a sum is too large for a number. */
export function recountSession({ events, messages, runs }: ImportRows): SessionCounters | null {
  const sum = (column: Column): number | null =>
    runs.reduce<number | null>((all, run) => {
      const more = run[column];
      return all === null || more === null ? null : all + more;
    }, 0);
  const timed = runs.filter(({ resumes, started_at, ended_at }) => resumes === 0 && started_at && ended_at);
  const counters: SessionCounters = {
    messages: messages.length,
    runs: runs.length,
    errors: events.filter(({ type }) => type === 'run.failed').length,
    ended_runs: events.filter(({ type }) => endsRun(type as never)).length,
    timed_runs: timed.length,
    busy_ms: timed.reduce((all, { started_at, ended_at }) => all + durationMs(started_at, ended_at), 0),
    last_ordinal: runs.reduce((highest, { ordinal }) => Math.max(highest, ordinal), 0),
    ...(Object.fromEntries(SUM_COLUMNS.map((column) => [column, sum(column)])) as Record<Column, number | null>),
  };
  const fits = Object.values(counters).every((value) => value === null || Number.isSafeInteger(value));
  const small = SMALL.every((column) => (counters[column] ?? 0) <= 2_147_483_647);
  return fits && small && counters.last_ordinal < 2_000_000_000 ? counters : null;
}

function durationMs(from: string | null, to: string | null): number {
  return Math.max(0, Date.parse(to ?? '') - Date.parse(from ?? ''));
}
