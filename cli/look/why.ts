import { PerdureError } from '../../contracts/errors.ts';
import { formatUsd } from '../../core/text/format-usd.ts';
import type { RunWhy } from '../../contracts/why.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';
import { formatTable } from '../render/format-table.ts';
import { waterfall } from './waterfall.ts';

/** `perdure why <session>` shows what it waits for; `perdure why <run>` and `perdure why <session> <run>`, where time and cost went. */
export async function why(deps: CommandDeps, first: string, runId: string | undefined): Promise<void> {
  if (runId !== undefined) return showRun(deps, await deps.client.whyRun(first, runId));
  const session = await orNull(() => deps.client.whySession(first));
  // A run without a session is stored as a session with the run's id, for which only the run is of interest.
  const oneOff = session === null ? null : await orNull(() => deps.client.whyRun(first, first));
  if (session !== null && oneOff !== null) {
    if (oneOff.endedAt === null && !deps.json) deps.print(`${stripControl(session.text)}\n`);
    return showRun(deps, oneOff);
  }
  if (session !== null) {
    if (deps.json) return deps.printJson(session);
    return deps.print(stripControl(session.text));
  }
  const run = await orNull(() => deps.client.whyRun(undefined, first));
  if (run !== null) return showRun(deps, run);
  const name = JSON.stringify(first);
  throw new PerdureError(
    'not_found',
    `No session or run ${name}. List them with: perdure sessions, perdure runs <session>`,
  );
}

function showRun(deps: CommandDeps, run: RunWhy): void {
  if (deps.json) return deps.printJson(run);
  const width = deps.terminal ? (process.stdout.columns ?? 80) : null;
  for (const line of runLines(run, width, deps)) deps.print(line);
}

async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PerdureError && error.code === 'not_found') return null;
    throw error;
  }
}

/** The waterfall, the cost and the summary of a run, in `width` columns; without bars where that is null. */
export function runLines(run: RunWhy, width: number | null, { paint }: Pick<CommandDeps, 'paint'>): string[] {
  const { runId, status, agent, sessionId, model, createdAt } = run;
  return [
    paint('bold', `run ${runId}: ${status}`),
    `session ${stripControl(sessionId)}`,
    `agent ${agent}, model ${model ?? 'unknown'}, from ${createdAt}`,
    '',
    ...waterfall(run, width, paint),
    '',
    ...costLines(run),
    '',
    paint('bold', stripControl(run.summary.time)),
    paint('bold', stripControl(run.summary.cost)),
  ];
}

function costLines({ cost }: RunWhy): string[] {
  const { calls, total, unknownCalls } = cost;
  if (calls.length === 0) return ['No model calls.'];
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
