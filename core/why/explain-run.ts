import type { RunWhy, SpanKind, WhySpan } from '../../contracts/why.ts';
import { runCost } from './run-cost.ts';
import type { RunFacts } from './run-facts.ts';
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
    createdAt: run.createdAt,
    endedAt: run.endedAt,
    asOf: now,
    wallMs,
    spans,
    time,
    cost,
    summary: { time: timeSentence(spans, time, wallMs, run.endedAt === null), cost: costSentence(cost) },
  };
}

/** The phrases of the summary. */
const PHRASES: Readonly<Record<SpanKind, string>> = {
  queue: 'waiting to start',
  limit: 'waiting for a provider limit',
  circuit: 'waiting for an open circuit',
  approval: 'waiting for an approval',
  model: 'the model',
  retry: 'waiting to retry',
  tool: 'tools',
  stopped: 'time between the end of the run and its resumption',
  overhead: 'overhead',
};

function timeSentence(spans: readonly WhySpan[], time: RunWhy['time'], wallMs: number, open: boolean): string {
  const [most] = time;
  if (most === undefined) return open ? 'No time has passed yet.' : 'It took no measurable time.';
  const longest = spans
    .filter(({ kind }) => kind === most.kind)
    .reduce((a, b) => (b.durationMs > a.durationMs ? b : a));
  const share = `${open ? 'So far, ' : ''}${shareOf(most.durationMs, wallMs)} of the ${formatDuration(wallMs)} was ${PHRASES[most.kind]}`;
  const failed = longest.error === null ? '' : ` (${longest.error})`;
  return `${sentence(share)}: ${longest.label}${failed}, ${formatDuration(longest.durationMs)}.`;
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

function tokensOf(call: { readonly inputTokens: number | null; readonly outputTokens: number | null }): number {
  return (call.inputTokens ?? 0) + (call.outputTokens ?? 0);
}

function nameOf({ step, attempt }: { readonly step: number; readonly attempt: number }): string {
  return attempt > 1 ? `step ${step}, attempt ${attempt}` : `step ${step}`;
}

function shareOf(part: number, whole: number): string {
  if (part === whole) return 'all';
  return part > whole / 2 ? 'most' : 'the largest part';
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
