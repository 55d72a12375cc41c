import type { ToolCallRecord } from '../../contracts/session/run.ts';
import type { WhySpan } from '../../contracts/why.ts';
import { backgroundCalls } from './background-calls.ts';
import { fillGaps } from './fill-gaps.ts';
import { modelTries, type ModelTry } from './model-tries.ts';
import { retrySpans } from './retry-spans.ts';
import type { ChildFact, ModelCallFact, RunFacts } from './run-facts.ts';

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
    ...tries.map((one) => modelSpan(one, facts, wallMs)),
    ...summarySpans(facts, wallMs, ms),
    ...(facts.evaluations ?? []).map((call) => evaluationSpan(call, wallMs, ms)),
    ...retrySpans(tries, between, facts.run.endedAt === null ? wallMs : null),
    ...contextSpans(facts, wallMs, ms),
    ...facts.toolCalls.flatMap((call) => toolSpans(call, childOf(facts, call), wallMs, ms)),
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

function modelSpan(one: ModelTry, { replies }: RunFacts, wallMs: number): WhySpan {
  const { step, attempt, merged, startMs, endMs, firstTokenMs, error, asked } = one;
  const repairs = replies.some((reply) => reply.step === step - 1 && reply.rejected === true);
  const which = [
    `step ${step}`,
    ...(attempt > 1 ? [`attempt ${attempt}`] : []),
    ...(asked === null ? [] : [asked]),
    ...(repairs ? ['repair of the answer'] : []),
  ].join(', ');
  const label = merged > 0 ? `step ${step}, ${merged + 1} attempts and the waits between them` : which;
  const parts = { kind: 'model', label, step, attempt, firstTokenMs, error, open: endMs === null } as const;
  return span(parts, startMs, endMs ?? wallMs);
}

/** The calls for summaries in front of an answer. Others are made after the run's end. */
function summarySpans({ summaries = [], run }: RunFacts, wallMs: number, ms: Ms): WhySpan[] {
  const endedAt = run.endedAt === null ? Number.POSITIVE_INFINITY : Date.parse(run.endedAt);
  const inFront = summaries.filter((call) => Date.parse(call.startedAt) < endedAt);
  return inFront.map(({ error, startedAt, endedAt: end }) => {
    const parts = { kind: 'model', label: 'summary of older messages', error, open: end === null } as const;
    return span(parts, ms(startedAt), end === null ? wallMs : ms(end));
  });
}

function evaluationSpan({ error, startedAt, endedAt }: ModelCallFact, wallMs: number, ms: Ms): WhySpan {
  const parts = { kind: 'model', label: 'evaluation of an approval', error, open: endedAt === null } as const;
  return span(parts, ms(startedAt), endedAt === null ? wallMs : ms(endedAt));
}

/** The calls of context providers, each with its attempts and the waits between them. */
function contextSpans(facts: RunFacts, wallMs: number, ms: Ms): WhySpan[] {
  const { contextCalls = [], run } = facts;
  const later = new Set(backgroundCalls(facts));
  const own = contextCalls.filter((call) => !later.has(call));
  return own.map(({ provider, phase, status, attempts, startedAt, endedAt }) => {
    const label = `${provider}, ${phase}Run${attempts > 1 ? `, ${attempts} attempts` : ''}`;
    const open = endedAt === null && run.endedAt === null;
    // A provider's error message may quote content, so only the status is shown.
    const error = ['completed', 'running'].includes(status) ? null : status;
    const endMs = ms(endedAt ?? run.endedAt ?? run.createdAt);
    return span({ kind: 'context', label, error, open }, ms(startedAt), open ? wallMs : endMs);
  });
}

function childOf({ children = [] }: RunFacts, { callId }: ToolCallRecord): ChildFact | undefined {
  return children.find((child) => child.callId === callId);
}

/** A call that another agent executes lasts from its request: nobody claims it. */
function toolSpans(call: ToolCallRecord, child: ChildFact | undefined, wallMs: number, ms: Ms): WhySpan[] {
  const { tool, server, step, callId, status, attempts, endedAt } = call;
  const startedAt = child?.calledAt ?? call.startedAt ?? endedAt;
  if (startedAt === null) return [];
  const name = server === undefined ? tool : `${tool} of ${server}`;
  const label = attempts > 1 ? `${name}, ${attempts} attempts` : name;
  const open = endedAt === null;
  // A tool's error message may quote content, so only the status is shown.
  const error = status === 'completed' || open ? null : status;
  return [
    {
      ...span(
        { kind: 'tool', label, step, callId, error, open },
        ms(startedAt),
        endedAt === null ? wallMs : ms(endedAt),
      ),
      ...(child ? { childRunId: child.runId } : {}),
    },
  ];
}
