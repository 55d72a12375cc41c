import type { RunWhy, SpanKind, WhyCost, WhySpan } from '../../contracts/why.ts';
import { runCost } from './run-cost.ts';
import type { RunFacts } from './run-facts.ts';
import { backgroundCalls } from './background-calls.ts';
import { runSpans } from './run-spans.ts';
import { formatDuration } from '../text/format-duration.ts';
import { formatUsd } from '../text/format-usd.ts';
import { timeByKind } from './time-by-kind.ts';

/** Explains where a run's time and money went. Pure. */
export function explainRun(facts: RunFacts): RunWhy {
  const { run, sessionId, now } = facts;
  const { spans, wallMs } = runSpans(facts);
  const time = timeByKind(spans);
  const cost = runCost(facts);
  return {
    sessionId,
    runId: run.id,
    status: run.status,
    agent: run.agent,
    model: run.model,
    ...(run.fallbackModels === undefined ? {} : { fallbackModels: run.fallbackModels }),
    createdAt: run.createdAt,
    endedAt: run.endedAt,
    asOf: now,
    wallMs,
    spans,
    time,
    cost,
    summary: {
      time: timeSentence(spans, time, wallMs, run.endedAt === null),
      cost: costSentence(cost),
      ...failureSentence(facts),
      ...modelsSentence(facts),
      ...contextSentence(facts),
      ...backgroundSentence(facts),
    },
  };
}

function failureSentence({ run: { error } }: RunFacts): { readonly failure?: string } {
  return error === null ? {} : { failure: `It failed (${codeName(error.code)}): ${error.detail}` };
}

/** The phrases of the summary. */
const PHRASES: Readonly<Record<SpanKind, string>> = {
  queue: 'waiting to start',
  limit: 'waiting for a provider limit',
  circuit: 'waiting for an open circuit',
  approval: 'waiting for an approval',
  client: 'waiting for a client',
  model: 'the model',
  retry: 'waiting to retry',
  tool: 'tools',
  context: 'context providers',
  stopped: 'time between the end of the run and its resumption',
  overhead: 'overhead',
};

function timeSentence(spans: readonly WhySpan[], time: RunWhy['time'], wallMs: number, open: boolean): string {
  const [most] = time;
  if (most === undefined) return open ? 'No time has passed yet.' : 'It took no measurable time.';
  const ofKind = spans.filter(({ kind }) => kind === most.kind);
  const longest = ofKind.reduce((a, b) => (b.durationMs > a.durationMs ? b : a));
  const part = most.durationMs === wallMs ? '' : `, ${formatDuration(most.durationMs)},`;
  const whole = `${shareOf(most.durationMs, wallMs)} of the ${formatDuration(wallMs)}`;
  const share = `${open ? 'So far, ' : ''}${whole}${part} was ${PHRASES[most.kind]}`;
  return `${sentence(share)}${causesOf(most.kind, spans)}${longestOf(longest, ofKind.length)}.${lostSentence(spans)}`;
}

/** The errors of the attempts that caused the time between attempts, by their number. */
function causesOf(kind: SpanKind, spans: readonly WhySpan[]): string {
  if (kind !== 'retry') return '';
  const codes = spans.flatMap((span) => (span.kind === 'model' && span.error !== null ? [span.error] : []));
  const counts = [...Map.groupBy(codes, (code) => code)].map(([code, { length }]) => `${length} × ${codeName(code)}`);
  return counts.length === 0 ? '' : ` after failed model calls (${counts.join(', ')})`;
}

function longestOf({ label, error, durationMs }: WhySpan, count: number): string {
  const failed = error === null ? '' : ` (${codeName(error)})`;
  return count === 1 ? `: ${label}${failed}` : `; the longest was ${label}${failed}, ${formatDuration(durationMs)}`;
}

/** States which model calls were lost with their workers: their time is not the model's. */
function lostSentence(spans: readonly WhySpan[]): string {
  const lost = spans.filter(({ kind, error }) => kind === 'model' && error === 'lost');
  if (lost.length === 0) return '';
  const lostMs = lost.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const worker = lost.length === 1 ? 'A worker' : 'Workers';
  const calls = lost.map(({ label }) => label).join(' and ');
  return ` ${worker} stopped responding during ${calls}: ${formatDuration(lostMs)} passed until another one continued.`;
}

/** An error code with the HTTP status that people look for. */
function codeName(code: string): string {
  return code === 'rate_limited' ? 'rate_limited, HTTP 429' : code;
}

function costSentence({ calls, total, known, unknownCalls }: RunWhy['cost']): string {
  if (calls.length === 0) return 'No model was called, so it cost nothing.';
  if (known.costUsd !== null && known.costUsd > 0) {
    const largest = calls.reduce((a, b) => ((b.costUsd ?? 0) > (a.costUsd ?? 0) ? b : a));
    const of = `known ${formatUsd(known.costUsd)}`;
    const what = total.costUsd === null ? of : formatUsd(total.costUsd);
    const rest = unknownCalls === 0 ? '' : ` The cost of ${unknownCalls} of ${calls.length} calls is unknown.`;
    const part = `${shareOf(largest.costUsd ?? 0, known.costUsd)} of the ${what} was ${nameOf(largest)}, ${formatUsd(largest.costUsd ?? 0)}.`;
    return `${sentence(part)}${rest}`;
  }
  if (total.costUsd === 0) return 'It cost nothing.';
  const sum = tokensOf(known);
  if (sum === 0) return 'Its cost and its tokens are unknown.';
  const largest = calls.reduce((a, b) => (tokensOf(b) > tokensOf(a) ? b : a));
  const part = shareOf(tokensOf(largest), sum);
  const whole = `${sum.toLocaleString('en')} tokens`;
  const of = total.inputTokens === null ? `of the known ${whole}` : `of its ${whole}`;
  return `Its cost is unknown. ${sentence(part)} ${of} went to ${nameOf(largest)}: ${tokensOf(largest).toLocaleString('en')}.`;
}

/** How many older messages the calls of the run were not given. The newest call has the most. */
function contextSentence({ replies }: RunFacts): { readonly context?: string } {
  const calls = replies.filter(({ omitted = 0 }) => omitted > 0);
  const most = Math.max(0, ...calls.map(({ omitted = 0 }) => omitted));
  if (most === 0) return {};
  const steps = calls.length === 1 ? `step ${calls[0]?.step}` : `${calls.length} steps`;
  const messages = most === 1 ? '1 older message was' : `${most} older messages were`;
  return {
    context: `In ${steps}, ${messages} left out of the context: the window has no room, and no summary stands for them.`,
  };
}

/** How the calls of context providers after the run went. */
function backgroundSentence(facts: RunFacts): { readonly background?: string } {
  const calls = backgroundCalls(facts).map(({ provider, status }) => `${provider} ${status}`);
  if (facts.isLeftForBackground) calls.push('calls are pending');
  return calls.length === 0 ? {} : { background: `In the background, after the run: ${calls.join(', ')}.` };
}

/** Which models gave no answer, and which one did, in a run that asked more than one. */
function modelsSentence({ run, modelCalls }: RunFacts): { readonly models?: string } {
  if (run.fallbackModels === undefined) return {};
  const byModel = [...Map.groupBy(modelCalls, ({ requestedModel = '' }) => requestedModel)];
  if (byModel.length < 2) return {};
  const parts = byModel.map(([model, calls]) => {
    const answered = calls.some(({ outcome }) => outcome === 'completed');
    const codes = new Set(calls.flatMap(({ error }) => (error === null ? [] : [error])));
    const errors = codes.size === 0 ? '' : ` (${[...codes].join(', ')})`;
    const open = calls.some(({ outcome }) => outcome === 'running');
    return {
      answered,
      text: `${model} ${answered ? 'answered' : open ? 'is being asked' : 'gave no answer'}${errors}`,
    };
  });
  const ordered = [...parts.filter(({ answered }) => answered), ...parts.filter(({ answered }) => !answered)];
  return { models: `${ordered.map(({ text }) => text).join('; ')}.` };
}

function tokensOf(call: { readonly inputTokens: number | null; readonly outputTokens: number | null }): number {
  return (call.inputTokens ?? 0) + (call.outputTokens ?? 0);
}

function nameOf({ kind, step, attempt }: Pick<WhyCost, 'kind' | 'step' | 'attempt'>): string {
  if (kind === 'summary') return 'a summary of older messages';
  if (kind === 'approval') return 'the evaluation of an approval';
  if (kind === 'context') return 'a call of a context provider';
  return attempt > 1 ? `step ${step}, attempt ${attempt}` : `step ${step}`;
}

function shareOf(part: number, whole: number): string {
  if (part === whole) return 'all';
  return part > whole / 2 ? 'most' : 'the largest part';
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
