import { PerdureError } from '../../contracts/errors.ts';
import { formatUsd } from '../../core/text/format-usd.ts';
import type { RunWhy, SessionWhy } from '../../contracts/why.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { nullIfNotFound } from '../shared/null-if-not-found.ts';
import { resolveRun } from '../shared/resolve-run.ts';
import { shellQuote } from '../shared/shell-quote.ts';
import { findByShortId } from '../shared/find-by-short-id.ts';
import { withSession } from '../shared/with-session.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';
import { formatTable } from '../render/format-table.ts';
import { printText } from '../render/print-text.ts';
import { childLines } from './family/child-lines.ts';
import { modelList } from './model-list.ts';
import { waterfall } from './waterfall.ts';

/** `perdure why <session>` shows what it waits for; `perdure why <run>` and `perdure why <session> <run>`, where time and cost went. */
export async function why(deps: CommandDeps, first: string, runId: string | undefined): Promise<void> {
  if (runId !== undefined) {
    const run = await withSession(deps, first, async (id) =>
      deps.client.whyRun(id, await resolveRun(deps.client, id, runId)),
    );
    return showRun(deps, run);
  }
  const session = await nullIfNotFound(() => deps.client.whySession(first));
  // A run without a session is stored as a session with the run's id, for which only the run is of interest.
  const oneOff = session === null ? null : await nullIfNotFound(() => deps.client.whyRun(first, first));
  if (session !== null && oneOff !== null) {
    if (oneOff.endedAt === null && !deps.json) printText(deps, `${ofOwner(stripControl(session.text), deps.of)}\n`);
    return showRun(deps, oneOff);
  }
  if (session !== null) return showSession(deps, session);
  const found = await findByShortId(deps, first);
  if (found !== null && 'run' in found) return showRun(deps, found.run);
  if (found !== null) return showSession(deps, await deps.client.whySession(found.session));
  const name = JSON.stringify(first);
  throw new PerdureError(
    'not_found',
    `No session or run ${name}. List them with: perdure sessions, perdure runs <session>`,
  );
}

function showSession(deps: CommandDeps, session: SessionWhy): void {
  if (deps.json) deps.printJson(session);
  else printText(deps, ofOwner(stripControl(session.text), deps.of));
}

/** The commands in a text, which are those of the session's user, for an operator who looks at it. */
export function ofOwner(text: string, of: string | undefined): string {
  if (of === undefined) return text;
  return text.replaceAll(
    /`perdure (?:cancel|resume|why|approve|reject|answer) [^`]+/g,
    (command) => `${command} --of ${shellQuote(of)}`,
  );
}

function showRun(deps: CommandDeps, run: RunWhy): void {
  if (deps.json) return deps.printJson(run);
  const width = deps.terminal ? (process.stdout.columns ?? 80) : null;
  for (const line of runLines(run, width, deps)) deps.print(line);
}

/** The waterfall, the cost and the summary of a run, in `width` columns; without bars where that is null. */
export function runLines(run: RunWhy, width: number | null, { paint }: Pick<CommandDeps, 'paint'>): string[] {
  const { runId, status, agent, sessionId, createdAt } = run;
  const { failure, children, models, context, background } = run.summary;
  const more = [failure, children, models, context, background].filter((sentence) => sentence !== undefined);
  return [
    paint('bold', `run ${runId}: ${status}`),
    `session ${stripControl(sessionId)}`,
    `agent ${agent}, model ${modelList(run)}, from ${createdAt}`,
    '',
    ...waterfall(run, width, paint),
    ...childLines(run),
    '',
    ...costLines(run),
    '',
    paint('bold', stripControl(run.summary.time)),
    paint('bold', stripControl(run.summary.cost)),
    ...more.map((sentence) => paint('bold', stripControl(sentence))),
  ];
}

function costLines({ cost }: RunWhy): string[] {
  const { calls, total, unknownCalls } = cost;
  const estimates = calls.flatMap(({ estimate }) => (estimate ? [estimate] : []));
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
    call.kind ?? (call.attempt > 1 ? `${call.step}.${call.attempt}` : String(call.step)),
    call.outcome,
    ...estimatedCells(call, cells(call)),
    call.model ?? '?',
  ]);
  // What is known of a sum is its lower bound.
  const sums = cells(total).map((cell, n) => (cell === '?' ? atLeast(cells(cost.known)[n]) : cell));
  const lines = formatTable([heading, ...rows, ['all', '', ...sums, '']]).map((line) => line.trimEnd());
  if (estimates.length > 0) lines.push('~ An estimate, charged to budgets; the actual amount is unknown.');
  if (unknownCalls === 0 || !cost.known.costUsd) return lines;
  return [
    ...lines,
    `Known: ${formatUsd(cost.known.costUsd)}. Unknown: the cost of ${formatCount(unknownCalls, 'call')}.`,
  ];
}

/** The cells of a call, with its estimate where the actual amount is unknown. */
function estimatedCells({ estimate }: RunWhy['cost']['calls'][number], cells: readonly string[]): readonly string[] {
  if (!estimate) return cells;
  const { inputTokens, outputTokens, costUsd } = estimate;
  const shown = [inputTokens, null, outputTokens, null].map((tokens) => tokens?.toLocaleString('en') ?? null);
  const estimates = [...shown, costUsd === null ? null : formatUsd(costUsd)];
  return cells.map((cell, n) => (cell === '?' && estimates[n] ? `~${estimates[n]}` : cell));
}

function atLeast(cell = '0'): string {
  return cell === '0' || cell === '$0.00' ? '?' : `≥${cell}`;
}

function known(value: number | null): string {
  return value === null ? '?' : value.toLocaleString('en');
}
