/** The runs that a worker has begun since it started. Waits are those of runs that were first in their session, where they are known. */
export interface BegunRuns {
  readonly runs: number;
  /** How many of the runs have a known wait. */
  readonly measured: number;
  /** Sum of these waits. */
  readonly waitedMs: number;
}

/** What a gateway reads of the store at one moment. */
export interface LoadSample {
  readonly atMs: number;
  /** The number of admitted runs that have not begun, by user; users without such runs are left out. */
  readonly waiting: ReadonlyMap<string, number>;
  /** What each worker that was seen lately has begun since its start; null for workers of older versions, which do not report it. */
  readonly begun: ReadonlyMap<string, BegunRuns | null>;
  /** The admissions of this gateway that have ended since its start, and how long they took together. */
  readonly admitted: { readonly count: number; readonly tookMs: number };
}

interface Interval extends BegunRuns {
  readonly durationMs: number;
  readonly admitted: number;
  readonly admittingMs: number;
}

/** The load of the last seconds. */
export interface LoadWindow {
  readonly last: LoadSample | null;
  /** Uninterrupted intervals in which runs were waiting and workers began some, the newest last. */
  readonly intervals: readonly Interval[];
}

export const NO_LOAD: LoadWindow = { last: null, intervals: [] };

/** Rates of more than the last seconds would be those of another load. */
const WINDOW_MS = 10_000;
/** Samples further apart say nothing about the time between them. */
const MAX_GAP_MS = 15_000;
/** Runs wait, and none begins: Temporal or the workers are away. It is no rate at which work is done. */
const STALLED_MS = 5_000;

/**
 * Adds a sample. Only a time in which runs are waiting shows how many the workers can begin, so an idle moment, a stall and a gap
 * between samples start the window anew.
 */
export function addSample({ last, intervals }: LoadWindow, sample: LoadSample): LoadWindow {
  const begun = last === null ? null : begunBetween(last, sample);
  if (last === null || begun === null || isIdle(last) || isIdle(sample)) return { last: sample, intervals: [] };
  const durationMs = sample.atMs - last.atMs;
  if (durationMs > MAX_GAP_MS) return { last: sample, intervals: [] };
  if (intervals.length === 0 && begun.runs === 0) return { last: sample, intervals };
  const admitted = sample.admitted.count - last.admitted.count;
  const admittingMs = sample.admitted.tookMs - last.admitted.tookMs;
  const all = [...intervals, { ...begun, durationMs, admitted, admittingMs }];
  const lastBegin = all.findLastIndex(({ runs }) => runs > 0);
  if (lengthOf(all.slice(lastBegin + 1)) >= STALLED_MS) return { last: sample, intervals: [] };
  const from = all.findIndex((_, index) => lengthOf(all.slice(index + 1)) < WINDOW_MS);
  return { last: sample, intervals: all.slice(from) };
}

/** The sums of the window's intervals. */
export function sumOf({ intervals }: LoadWindow): Interval {
  return intervals.reduce(plus, { durationMs: 0, runs: 0, measured: 0, waitedMs: 0, admitted: 0, admittingMs: 0 });
}

/** What the workers have begun between two samples; null when one of them does not report it. Of a worker that the first one lacks, that is unknown, and none. */
function begunBetween(before: LoadSample, after: LoadSample): BegunRuns | null {
  let sum = { runs: 0, measured: 0, waitedMs: 0 };
  for (const [worker, now] of after.begun) {
    if (now === null) return null;
    const then = before.begun.get(worker) ?? now;
    sum = {
      runs: sum.runs + now.runs - then.runs,
      measured: sum.measured + now.measured - then.measured,
      waitedMs: sum.waitedMs + now.waitedMs - then.waitedMs,
    };
  }
  return sum;
}

function isIdle({ waiting }: LoadSample): boolean {
  return waiting.size === 0;
}

function lengthOf(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, { durationMs }) => sum + durationMs, 0);
}

function plus(a: Interval, b: Interval): Interval {
  return {
    admitted: a.admitted + b.admitted,
    admittingMs: a.admittingMs + b.admittingMs,
    durationMs: a.durationMs + b.durationMs,
    runs: a.runs + b.runs,
    measured: a.measured + b.measured,
    waitedMs: a.waitedMs + b.waitedMs,
  };
}
