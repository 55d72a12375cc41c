import { array, assert, boolean, constantFrom, integer, nat, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import type { TranscriptEntry } from '../../../contracts/session/transcript.ts';
import { contextUnits, tokensOfUnits, type ContextUnit } from '../../../core/conversation/context-units.ts';
import type { WindowRun } from '../../../core/conversation/conversation-window.ts';
import { maxSummaryTokens, planSummary } from '../../../core/conversation/plan-summary.ts';
import { chosenUnits, countOmitted, selectContext } from '../../../core/conversation/select-context.ts';
import type { ContextSummary } from '../../../core/conversation/summary.ts';

/** A part of a run: a message, or a reply with so many tool calls. `size`: of each entry, in tokens. */
const part = record({
  isReply: boolean(),
  isPinned: nat({ max: 12 }).map((n) => n === 0),
  calls: nat({ max: 3 }),
  size: integer({ min: 1, max: 60 }),
});
const conversation = record({
  capacity: integer({ min: 150, max: 1_200 }),
  runs: constantFrom(3, 10, 1_000),
  parts: array(array(part, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 30 }),
});

const sizeOf = (entry: TranscriptEntry): number => Number(entry.content);

/** A conversation that grows part by part, with the summaries that are made of it. */
class Growing {
  readonly runs: WindowRun[] = [];
  readonly summaries: ContextSummary[] = [];
  /** The units that each summary was made of. */
  readonly summarised: ContextUnit[][] = [];
  /** The number of units for which the summaries stand after each one, and of those that they were made of. */
  readonly covered: [number, number][] = [];
  #seq = 0;

  add(entries: readonly TranscriptEntry[], startsRun: boolean): void {
    this.#seq += 10;
    const run = startsRun
      ? { runId: `r${this.runs.length}`, startedSeq: this.#seq, events: [], entries: [] }
      : this.runs.pop();
    if (!run) throw new Error('The conversation has no run.');
    this.runs.push({ ...run, entries: [...run.entries, ...entries.map((entry) => ({ ...entry, runId: run.runId }))] });
  }

  get runId(): string {
    return this.runs.at(-1)?.runId ?? '';
  }

  units(): ContextUnit[] {
    const background = { summary: this.summaries.at(-1) ?? null, pinned: [], decisions: [] };
    return contextUnits({ runs: this.runs, background }, sizeOf);
  }

  summarise(capacity: number, runs: number, runId: string | null): boolean {
    const summaryTokens = this.summaries.length > 0 ? maxSummaryTokens(capacity, 2_000) : 0;
    const callCapacity = Math.max(1, capacity - summaryTokens);
    const plan = planSummary({ units: this.units(), runId, capacity, callCapacity, summaryTokens, runs });
    if (!plan) return false;
    const { units, ...end } = plan;
    const before = this.units().filter(({ isCovered }) => isCovered).length;
    this.summarised.push([...units]);
    const facts = { text: '', model: '', entries: 1, at: '', sessionId: '', since: this.summaries.at(-1)?.seq ?? 0 };
    this.summaries.push({ type: 'context.summarized', seq: (this.#seq += 1), ...facts, ...end });
    this.covered.push([this.units().filter(({ isCovered }) => isCovered).length, before + units.length]);
    return true;
  }
}

function entriesOf(
  { isReply, isPinned, calls, size }: { isReply: boolean; isPinned: boolean; calls: number; size: number },
  step: number,
): TranscriptEntry[] {
  const content = String(size);
  const runId = '';
  if (!isReply) return [{ role: 'user', runId, messageId: 'm', content, ...(isPinned ? { pin: true } : {}) }];
  const toolCalls = Array.from({ length: calls }, (_, n) => ({
    callId: `${step}.${n}`,
    tool: 't',
    arguments: {},
    malformed: null,
  }));
  const results = toolCalls.map(
    ({ callId, tool }) => ({ role: 'tool', runId, step, callId, tool, status: 'completed', content }) as const,
  );
  return [{ role: 'assistant', runId, step, content, toolCalls, partial: false }, ...results];
}

function play(
  {
    capacity,
    runs,
    parts,
  }: { capacity: number; runs: number; parts: readonly (readonly Parameters<typeof entriesOf>[0][])[] },
  check: (growing: Growing, capacity: number) => void,
): Growing {
  const growing = new Growing();
  for (const run of parts) {
    let step = 0;
    for (const [at, one] of run.entries()) {
      // A run begins with a message.
      const isReply = at > 0 && one.isReply;
      growing.add(entriesOf({ ...one, isReply }, isReply ? (step += 1) : step), at === 0);
      const isFull = tokensOfUnits(growing.units().filter(({ isCovered }) => !isCovered)) > capacity;
      if (isFull) growing.summarise(capacity, runs, growing.runId);
      check(growing, capacity);
    }
    growing.summarise(capacity, runs, null);
  }
  return growing;
}

/** What must hold of a choice; the names of what does not. */
function violations(units: readonly ContextUnit[], runId: string, capacity: number): string[] {
  const selected = selectContext(units, runId, capacity);
  const required = units.filter((unit, at) => at === units.length - 1 || (unit.runId === runId && unit.step === null));
  const needed = tokensOfUnits(required);
  if (selected.kind === 'tooLarge') return selected.tokens === needed && needed > capacity ? [] : ['too large'];
  const chosen = chosenUnits(units, runId, selected);
  const pinned = units.filter(({ isPinned }) => isPinned);
  const isRoomForPinned = tokensOfUnits([...new Set([...required, ...pinned])]) <= capacity;
  // The other units are the newest ones, none of them left out but those for which the summary stands.
  const others = units.filter((unit) => !required.includes(unit) && !unit.isPinned);
  const taken = others.filter((unit) => chosen.includes(unit));
  const open = units.filter((unit) => !unit.isCovered && !chosen.includes(unit));
  const holds = {
    fits: tokensOfUnits(chosen) <= capacity,
    required: required.every((unit) => chosen.includes(unit)),
    pinned: !isRoomForPinned || pinned.every((unit) => chosen.includes(unit)),
    noGap: taken.every((unit, at) => unit === others[others.length - taken.length + at] && !unit.isCovered),
    counted:
      (countOmitted(units, chosen) === 0) === (open.length === 0 && pinned.every((unit) => chosen.includes(unit))),
    paired: units.every(
      ({ entries: [reply, ...results] }) => reply?.role !== 'assistant' || results.length === reply.toolCalls.length,
    ),
  };
  return Object.entries(holds).flatMap(([name, isTrue]) => (isTrue ? [] : [name]));
}

test('what is chosen fits, has what is required and pinned, has no gap, and parts no tool call from its result', () => {
  let full = 0;
  assert(
    property(conversation, (talk) => {
      play(talk, (growing, capacity) => {
        const units = growing.units();
        expect(violations(units, growing.runId, capacity)).toEqual([]);
        if (tokensOfUnits(units) > capacity) full += 1;
      });
    }),
    { numRuns: 200 },
  );
  expect(full).toBeGreaterThan(100);
});

test('summaries follow on from one another: none overlaps another or leaves a unit out, and none stands for the newest unit', () => {
  let made = 0;
  assert(
    property(conversation, (talk) => {
      const growing = play(talk, (now) => {
        expect(now.units().at(-1)?.isCovered).toBe(false);
      });
      // Each stands for what it was made of, besides the summaries before it, and for nothing else.
      for (const [stoodFor, madeOf] of growing.covered) expect(stoodFor).toBe(madeOf);
      const entries = growing.summarised.flat().flatMap((unit) => unit.entries);
      const all = growing.runs.flatMap((run) => run.entries);
      expect(entries).toEqual(all.slice(0, entries.length));
      made += growing.summaries.length;
    }),
    { numRuns: 300 },
  );
  expect(made).toBeGreaterThan(300);
});

test('a summary leaves room for about half a window until the next one', () => {
  const growing = new Growing();
  const capacity = 1_000;
  for (let turn = 0; turn < 400; turn += 1) {
    growing.add(entriesOf({ isReply: false, isPinned: false, calls: 0, size: 10 }, 0), true);
    growing.add(entriesOf({ isReply: true, isPinned: false, calls: 0, size: 10 }, 1), false);
    growing.summarise(capacity, 1_000, null);
  }
  const covered = growing.summarised.slice(1).map((units) => tokensOfUnits(units));
  expect(Math.min(...covered)).toBeGreaterThanOrEqual(0.5 * capacity);
  expect(growing.summaries.map(({ throughStep }) => throughStep)).toEqual(growing.summaries.map(() => null));
});

test('as many runs as a context may have are a reason for a summary as well', () => {
  const growing = new Growing();
  for (let turn = 0; turn < 20; turn += 1) {
    growing.add(entriesOf({ isReply: false, isPinned: false, calls: 0, size: 1 }, 0), true);
    growing.summarise(1_000, 4, null);
    expect(growing.units().filter(({ isCovered }) => !isCovered).length).toBeLessThanOrEqual(4);
  }
  expect(growing.summaries.length).toBeLessThanOrEqual(8);
});
