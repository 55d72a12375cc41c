import type { ToolCallRecord } from '../../contracts/session/run.ts';
import type { WhySpan } from '../../contracts/why.ts';
import { fillGaps } from './fill-gaps.ts';
import { modelTries, type ModelTry } from './model-tries.ts';
import { retrySpans } from './retry-spans.ts';
import type { RunFacts } from './run-facts.ts';

/** Returns the run's time as spans sorted by start, which cover 0 … `wallMs` without a gap. */
export function runSpans(facts: RunFacts): { readonly spans: WhySpan[]; readonly wallMs: number } {
  const origin = Date.parse(facts.run.createdAt);
  const wallMs = Math.max(0, Date.parse(facts.run.endedAt ?? facts.now) - origin);
  const ms = (time: string): number => Math.min(wallMs, Math.max(0, Date.parse(time) - origin));
  const tries = modelTries(facts, ms);
  const between = [...stoppedSpans(facts, wallMs, ms), ...waitSpans(facts, wallMs, ms)];
  const known = [
    ...queueSpans(facts, wallMs, ms),
    ...between,
    ...tries.map((one) => modelSpan(one, wallMs)),
    ...retrySpans(tries, between, facts.run.endedAt === null ? wallMs : null),
    ...facts.toolCalls.flatMap((call) => toolSpans(call, wallMs, ms)),
  ];
  return { spans: fillGaps(known, wallMs), wallMs };
}

type Ms = (time: string) => number;

const BLANK = { step: null, attempt: null, callId: null, firstTokenMs: null, open: false, error: null };

function span(parts: Pick<WhySpan, 'kind' | 'label'> & Partial<WhySpan>, startMs: number, endMs: number): WhySpan {
  return { ...BLANK, ...parts, startMs, durationMs: Math.max(0, endMs - startMs) };
}

/** The time before the first start: behind another run, then until a worker started this one. */
function queueSpans({ run, periods, ahead }: RunFacts, wallMs: number, ms: Ms): WhySpan[] {
  const startedAt = periods[0]?.startedAt ?? run.startedAt;
  const open = startedAt === null && run.endedAt === null;
  const startMs = startedAt === null ? wallMs : ms(startedAt);
  const behindMs = ahead === null ? 0 : Math.min(startMs, ahead.endedAt === null ? wallMs : ms(ahead.endedAt));
  const spans: WhySpan[] = [];
  if (ahead !== null && behindMs > 0) {
    spans.push(span({ kind: 'queue', label: `behind run ${ahead.runId}`, open: ahead.endedAt === null }, 0, behindMs));
  }
  if (startMs > behindMs) {
    const label = startedAt === null ? 'not started' : 'until a worker began';
    spans.push(span({ kind: 'queue', label, open }, behindMs, startMs));
  }
  return spans;
}

/** The times between an end of the run and its next start. */
function stoppedSpans({ periods, run }: RunFacts, wallMs: number, ms: Ms): WhySpan[] {
  return periods.flatMap(({ endedAt, ending }, index) => {
    const next = periods[index + 1];
    if (endedAt === null || (!next && run.endedAt !== null)) return [];
    const label = `ended (${ending ?? 'unknown'}), then resumed`;
    return [span({ kind: 'stopped', label, open: !next }, ms(endedAt), next ? ms(next.startedAt) : wallMs)];
  });
}

function waitSpans({ waits }: RunFacts, wallMs: number, ms: Ms): WhySpan[] {
  return waits.map(({ kind, who, startedAt, endedAt }) =>
    span({ kind, label: who, open: endedAt === null }, ms(startedAt), endedAt === null ? wallMs : ms(endedAt)),
  );
}

function modelSpan(one: ModelTry, wallMs: number): WhySpan {
  const { step, attempt, merged, startMs, endMs, firstTokenMs, error } = one;
  const which = attempt > 1 ? `step ${step}, attempt ${attempt}` : `step ${step}`;
  const label = merged > 0 ? `step ${step}, ${merged + 1} attempts and the waits between them` : which;
  const parts = { kind: 'model', label, step, attempt, firstTokenMs, error, open: endMs === null } as const;
  return span(parts, startMs, endMs ?? wallMs);
}

function toolSpans(call: ToolCallRecord, wallMs: number, ms: Ms): WhySpan[] {
  const { tool, step, callId, status, attempts, endedAt } = call;
  const startedAt = call.startedAt ?? endedAt;
  if (startedAt === null) return [];
  const label = attempts > 1 ? `${tool}, ${attempts} attempts` : tool;
  const open = endedAt === null;
  // A tool's error message may quote content, so only the status is shown.
  const error = status === 'completed' || open ? null : status;
  return [
    span({ kind: 'tool', label, step, callId, error, open }, ms(startedAt), endedAt === null ? wallMs : ms(endedAt)),
  ];
}
