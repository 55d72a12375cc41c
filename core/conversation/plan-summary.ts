import { tokensOfUnits, type ContextUnit } from './context-units.ts';
import type { SummaryEnd } from './summary.ts';

/** A summary is due while this many more runs still fit, of the mean size of the newest ones: they may come while it is being made. */
const NEXT_RUNS = 3;
const NEWEST_RUNS = 4;
/** The bounds of what is left for the next runs, as shares of the capacity. */
const LEAST_LEFT = 0.03;
const MOST_LEFT = 0.25;
/** What is left beside the summary takes at most this share. */
const KEPT_SHARE = 0.08;
/** A run is not parted if what is left then takes at most this share. */
const WHOLE_RUN_SHARE = 0.4;
/** The largest share of the capacity that a summary takes. */
const SUMMARY_SHARE = 1 / 6;

export interface SummaryPlan extends SummaryEnd {
  /** What the summary is to stand for, besides the summary before it. */
  readonly units: readonly ContextUnit[];
}

export interface SummaryInput {
  /** Of the conversation, in its order. */
  readonly units: readonly ContextUnit[];
  /** The run that asks for a model call; null between runs. Its messages and its newest step are not summarised. */
  readonly runId: string | null;
  /** Tokens that the conversation may take, the summary included. */
  readonly capacity: number;
  /** Tokens that what is summarised may take of the call for the summary. */
  readonly callCapacity: number;
  /** Tokens of the summary so far; 0 without one. */
  readonly summaryTokens: number;
  /** Maximum number of earlier runs in the context. */
  readonly runs: number;
}

/** The most tokens that a summary may take of a conversation's capacity. */
export function maxSummaryTokens(capacity: number, limit: number): number {
  return Math.max(1, Math.min(limit, Math.floor(capacity * SUMMARY_SHARE)));
}

/**
 * Plans the next summary: null if none is due, or if there is nothing to summarise. It is due once the conversation has room for
 * a few more runs only, or has more runs than a context may have. It stands for the oldest units that have no summary, at most as many as
 * fit into a model call: several may have to follow one another.
 */
export function planSummary(input: SummaryInput): SummaryPlan | null {
  const { units, runId, capacity, summaryTokens, runs } = input;
  const open = openUnits(units);
  // A pinned message stays although a summary stands for it.
  const taken = tokensOfUnits(units.filter(({ isCovered, isPinned }) => !isCovered || isPinned)) + summaryTokens;
  const isDue = taken > capacity - leftForNextRuns(open, capacity) || countRuns(open, runId) > runs;
  if (!isDue) return null;
  const end = endOfRange(open, input);
  const last = open[end - 1];
  if (!last) return null;
  const { runId: throughRunId, startedSeq: throughSeq, step } = last;
  return {
    units: open.slice(0, end),
    throughRunId,
    throughSeq,
    throughStep: isWholeRun(open, end, runId) ? null : step,
  };
}

function leftForNextRuns(open: readonly ContextUnit[], capacity: number): number {
  const runs = [...Map.groupBy(open, ({ runId }) => runId).values()].slice(-NEWEST_RUNS);
  const mean = runs.length === 0 ? 0 : tokensOfUnits(runs.flat()) / runs.length;
  return Math.min(capacity * MOST_LEFT, Math.max(capacity * LEAST_LEFT, mean * NEXT_RUNS));
}

/** The number of units that the summary is to stand for; 0 for none. */
function endOfRange(open: readonly ContextUnit[], input: SummaryInput): number {
  const kept = startOfRun(open, firstKept(open, input), input);
  const end = Math.min(kept, countFitting(open, input.callCapacity));
  const mayEnd = (at: number): boolean => open[at - 1]?.step !== null || isWholeRun(open, at, input.runId);
  for (let at = end; at > 0; at -= 1) if (mayEnd(at)) return at;
  for (let at = end + 1; at <= kept; at += 1) if (mayEnd(at)) return at;
  return 0;
}

/** Whether the first `end` units end with a whole run. A run that asks for a model call is not over. */
function isWholeRun(open: readonly ContextUnit[], end: number, runId: string | null): boolean {
  const last = open[end - 1];
  return last !== undefined && last.runId !== runId && open[end]?.runId !== last.runId;
}

/** The index of the first unit that may stay beside the summary. The newest one always does. */
function firstKept(open: readonly ContextUnit[], { capacity, runId, runs }: SummaryInput): number {
  let first = open.length - 1;
  let left = capacity * KEPT_SHARE - (open[first]?.tokens ?? 0);
  for (; first > 0; first -= 1) {
    left -= open[first - 1]?.tokens ?? 0;
    if (left < 0 || countRuns(open.slice(first - 1), runId) > Math.max(1, runs / 2)) break;
  }
  return Math.max(0, first);
}

/** Moves an index to the beginning of its run, if there is something before it and what is left then is not too much. */
function startOfRun(open: readonly ContextUnit[], first: number, { capacity }: SummaryInput): number {
  const begins = open.findIndex(({ runId }) => runId === open[first]?.runId);
  const isLittle = tokensOfUnits(open.slice(begins)) <= capacity * WHOLE_RUN_SHARE;
  return begins > 0 && isLittle ? begins : first;
}

/** The number of the first units that take at most `capacity` tokens. */
function countFitting(open: readonly ContextUnit[], capacity: number): number {
  let tokens = 0;
  const tooMany = open.findIndex((unit) => (tokens += unit.tokens) > capacity);
  return tooMany < 0 ? open.length : tooMany;
}

function countRuns(units: readonly ContextUnit[], but: string | null): number {
  return new Set(units.map(({ runId }) => runId).filter((runId) => runId !== but)).size;
}

function openUnits(units: readonly ContextUnit[]): ContextUnit[] {
  return units.filter(({ isCovered }) => !isCovered);
}
