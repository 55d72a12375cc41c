import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import type { ConversationWindow, WindowRun } from './conversation-window.ts';
import { coveredEntries } from './summary.ts';
import { transcript } from './transcript.ts';

/** A part of a context that is kept, left out or summarised as a whole: a message, or a reply with the results of its tool calls. */
export interface ContextUnit {
  readonly entries: readonly TranscriptEntry[];
  readonly runId: string;
  readonly startedSeq: number;
  /** Null for a message. */
  readonly step: number | null;
  readonly isPinned: boolean;
  /** Whether the context's summary stands for it. */
  readonly isCovered: boolean;
  readonly tokens: number;
}

/** Parts a context into units, in their order: first the pinned messages of runs that are not in it. */
export function contextUnits(
  { runs, background }: Pick<ConversationWindow, 'runs' | 'background'>,
  tokensOf: (entry: TranscriptEntry) => number,
): ContextUnit[] {
  const own = new Set(runs.map(({ runId }) => runId));
  const pinned = background?.pinned.filter(({ runId }) => !own.has(runId)) ?? [];
  const before = pinned.flatMap((message) => {
    const { runId } = message;
    const decisions = background?.decisions.filter((decided) => decided.runId === runId) ?? [];
    return unitsOf({ runId, startedSeq: 0, entries: transcript([message, ...decisions]) }, 1, tokensOf);
  });
  const summary = background?.summary ?? null;
  return [...before, ...runs.flatMap((run) => unitsOf(run, coveredEntries(summary, run), tokensOf))];
}

function unitsOf(
  { runId, startedSeq, entries }: Omit<WindowRun, 'events'>,
  covered: number,
  tokensOf: (entry: TranscriptEntry) => number,
): ContextUnit[] {
  const units: ContextUnit[] = [];
  for (const [at, entry] of entries.entries()) {
    const last = units.at(-1);
    const tokens = tokensOf(entry);
    if (last && entry.role === 'tool' && last.step === entry.step) {
      units[units.length - 1] = { ...last, entries: [...last.entries, entry], tokens: last.tokens + tokens };
      continue;
    }
    const step = entry.role === 'user' ? null : entry.step;
    const isPinned = entry.role === 'user' && entry.pin === true;
    units.push({ entries: [entry], runId, startedSeq, step, isPinned, isCovered: at < covered, tokens });
  }
  return units;
}

/** The tokens of units together. */
export function tokensOfUnits(units: readonly ContextUnit[]): number {
  return units.reduce((sum, { tokens }) => sum + tokens, 0);
}
