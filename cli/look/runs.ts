import type { RunDetail, RunRecord } from '../../contracts/session/run.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { resolveRun } from '../shared/resolve-run.ts';
import { withSession } from '../shared/with-session.ts';
import { formatCost } from '../render/format-cost.ts';
import { formatTokens } from '../render/format-tokens.ts';
import { formatCount } from '../render/format-count.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { childLines } from './family/child-lines.ts';
import { modelList } from './model-list.ts';
import { oneLine } from '../render/one-line.ts';
import { formatTable } from '../render/format-table.ts';
import { formatTime } from '../render/format-time.ts';
import { shortRunId } from '../shared/short-id.ts';
import { shellQuote } from '../shared/shell-quote.ts';
import { printTable } from '../render/print-table.ts';

/** `perdure runs <session> [run]`: lists the runs of a session, or shows one with its steps and tool calls. */
export async function runs(deps: CommandDeps, id: string, runId: string | undefined): Promise<void> {
  if (runId !== undefined) {
    const detail = await withSession(deps, id, async (found) =>
      deps.client.run(found, await resolveRun(deps.client, found, runId)),
    );
    if (deps.json) return deps.printJson(detail);
    for (const line of detailLines(detail)) deps.print(line);
    return;
  }
  const page = await withSession(deps, id, (found) => deps.client.runs(found));
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.print(`Session ${id} has no runs yet.`);
  const withChildren = page.data.some(({ childRuns }) => childRuns !== undefined);
  const rows = page.data.map((run) => [
    shortRunId(run.id, deps.terminal),
    run.status,
    run.agent,
    formatCount(run.steps, 'step'),
    ...(withChildren ? [run.childRuns === undefined ? '' : formatCount(run.childRuns, 'run')] : []),
    queued(run),
    took(run),
    formatTime(run.createdAt, deps),
  ]);
  const called = withChildren ? ['CALLED'] : [];
  printTable(deps, [['RUN', 'STATUS', 'AGENT', 'STEPS', ...called, 'QUEUED', 'TOOK', 'CREATED'], ...rows]);
  const first = page.data.find(({ childRuns }) => childRuns !== undefined);
  if (first && deps.terminal)
    deps.hint(`\`perdure runs ${shellQuote(id)} ${shortRunId(first.id, true)}\` shows the runs that it has called.`);
}

function detailLines(run: RunDetail): string[] {
  const steps = run.stepList.map((step) => [
    `step ${step.step}`,
    formatCount(step.attempts, 'attempt'),
    ...(step.committed
      ? [
          step.finish ?? 'no finish reason',
          step.model ?? 'unknown model',
          `${formatCount(step.usage?.inputTokens ?? null, 'input', 'input')}, ${formatCount(step.usage?.outputTokens ?? null, 'output', 'output')}`,
        ]
      : [run.endedAt === null ? 'no reply yet' : 'no reply']),
  ]);
  const calls = run.toolCalls.map((call) => [
    `step ${call.step}`,
    call.server === undefined ? call.tool : `${call.tool} of ${call.server}`,
    call.status,
    formatCount(call.attempts, 'attempt'),
    oneLine(call.arguments),
  ]);
  const providers = (run.contextCalls ?? []).map((call) => [
    `${call.phase}Run`,
    call.provider,
    call.status,
    formatCount(call.attempts, 'attempt'),
    oneLine(call.error ?? call.contributed?.leftOut?.map((reason) => `without ${reason}`).join('; ') ?? ''),
  ]);
  const failed = run.modelCalls
    .filter(({ outcome }) => outcome === 'failed')
    .map((call) => [
      call.kind ?? `step ${call.step}`,
      `attempt ${call.attempt}`,
      ...(run.fallbackModels === undefined ? [] : [call.model]),
      call.errorCode ?? 'failed',
      // Older gateways do not send it.
      oneLine(call.providerMessage ?? ''),
    ]);
  return [
    ...formatTable([
      ['run', run.id],
      ['status', run.error === null ? run.status : `${run.status} (${run.error.code}): ${oneLine(run.error.detail)}`],
      ['agent', run.agent],
      ['model', modelList(run)],
      ...(run.answerModel == null ? [] : [['answered by', run.answerModel]]),
      ['queued', queued(run)],
      ['took', took(run)],
      ['tokens', formatTokens(run)],
      ['cost', formatCost(run)],
    ]),
    ...formatTable(providers),
    ...formatTable(steps),
    ...formatTable(calls),
    ...childLines(run),
    ...formatTable(failed),
    ...(run.output === null ? [] : ['answer:', oneLine(run.output)]),
  ];
}

/** The part of {@link took} before the run started; '' when it has not started. */
function queued({ createdAt, startedAt }: RunRecord): string {
  return startedAt === null ? '' : formatDuration(Math.max(0, Date.parse(startedAt) - Date.parse(createdAt)));
}

/** The time that people waited: from the run's admission to its end, with its time in the queue. */
function took(run: RunRecord): string {
  if (run.endedAt === null) return run.startedAt === null ? 'not started' : 'in progress';
  return formatDuration(Date.parse(run.endedAt) - Date.parse(run.createdAt));
}
