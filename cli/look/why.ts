import { PerdureError } from '../../contracts/errors.ts';
import { formatUsd } from '../../core/text/format-usd.ts';
import type { RunWhy } from '../../contracts/why.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';
import { formatTable } from '../render/format-table.ts';
import { waterfall } from './waterfall.ts';

/** Without a terminal there is no width to fill. */
const PLAIN = null;

/** `perdure why <session>`: what it waits for. `perdure why <run>`, `perdure why <session> <run>`: where the time and money went. */
export async function why(deps: CommandDeps, first: string, runId: string | undefined): Promise<void> {
  if (runId !== undefined) return showRun(deps, await deps.client.whyRun(first, runId));
  const session = await ifThere(() => deps.client.whySession(first));
  // A run without a session is kept as one of its own name: that it waits for a message says nothing.
  const alone = session === null ? null : await ifThere(() => deps.client.whyRun(first, first));
  if (session !== null && alone !== null) {
    if (alone.endedAt === null && !deps.json) deps.print(`${stripControl(session.text)}\n`);
    return showRun(deps, alone);
  }
  if (session !== null) {
    if (deps.json) return deps.printJson(session);
    return deps.print(stripControl(session.text));
  }
  const run = await ifThere(() => deps.client.whyRun(undefined, first));
  if (run !== null) return showRun(deps, run);
  const name = JSON.stringify(first);
  throw new PerdureError(
    'not_found',
    `You have neither a session nor a run ${name}. See \`perdure sessions\` and \`perdure runs <session>\`.`,
  );
}

function showRun(deps: CommandDeps, answer: RunWhy): void {
  if (deps.json) return deps.printJson(answer);
  const width = deps.terminal ? (process.stdout.columns ?? 80) : PLAIN;
  for (const line of runLines(answer, width, deps)) deps.print(line);
}

async function ifThere<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof PerdureError && error.code === 'not_found') return null;
    throw error;
  }
}

/** A waterfall as wide as `width`, without bars where that is null, then the cost, then the summary. */
export function runLines(answer: RunWhy, width: number | null, { paint }: Pick<CommandDeps, 'paint'>): string[] {
  const { runId, status, agent, sessionId, model, createdAt } = answer;
  return [
    paint('bold', `run ${runId}: ${status}`),
    `session ${stripControl(sessionId)}`,
    `agent ${agent}, model ${model ?? 'not known'}, from ${createdAt}`,
    '',
    ...waterfall(answer, width, paint),
    '',
    ...costLines(answer),
    '',
    paint('bold', stripControl(answer.summary.time)),
    paint('bold', stripControl(answer.summary.cost)),
  ];
}

function costLines({ cost }: RunWhy): string[] {
  const { calls, total, unknownCalls } = cost;
  if (calls.length === 0) return ['No model was called.'];
  const heading = ['STEP', 'OUTCOME', 'INPUT', 'CACHED', 'OUTPUT', 'REASONING', 'COST', 'MODEL'];
  const cells = (sum: typeof total): string[] => [
    known(sum.inputTokens),
    known(sum.cachedTokens),
    known(sum.outputTokens),
    known(sum.reasoningTokens),
    sum.costUsd === null ? '?' : formatUsd(sum.costUsd),
  ];
  const rows = calls.map((call) => [
    call.attempt > 1 ? `${call.step}.${call.attempt}` : String(call.step),
    call.outcome,
    ...cells(call),
    call.model ?? '?',
  ]);
  const lines = formatTable([heading, ...rows, ['all', '', ...cells(total), '']]).map((line) => line.trimEnd());
  if (unknownCalls === 0 || !cost.known.costUsd) return lines;
  return [
    ...lines,
    `Known: ${formatUsd(cost.known.costUsd)}. Unknown: the cost of ${formatCount(unknownCalls, 'call')}.`,
  ];
}

function known(value: number | null): string {
  return value === null ? '?' : value.toLocaleString('en');
}
