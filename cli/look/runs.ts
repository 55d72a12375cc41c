import type { RunDetail, RunRecord } from '../../contracts/session/run.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { formatCost } from '../render/format-cost.ts';
import { formatCount } from '../render/format-count.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { oneLine } from '../render/one-line.ts';
import { formatTable } from '../render/format-table.ts';

/** `perdure runs <session> [run]`: lists the runs of a session, or shows one with its steps and tool calls. */
export async function runs(deps: CommandDeps, id: string, runId: string | undefined): Promise<void> {
  if (runId !== undefined) {
    const detail = await deps.client.run(id, runId);
    if (deps.json) return deps.printJson(detail);
    for (const line of detailLines(detail)) deps.print(line);
    return;
  }
  const page = await deps.client.runs(id);
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.print(`Session ${id} has no runs yet.`);
  const rows = page.data.map((run) => [
    run.id,
    run.status,
    run.agent,
    formatCount(run.steps, 'step'),
    took(run),
    run.createdAt,
  ]);
  for (const line of formatTable([['RUN', 'STATUS', 'AGENT', 'STEPS', 'TOOK', 'CREATED'], ...rows])) deps.print(line);
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
    call.tool,
    call.status,
    formatCount(call.attempts, 'attempt'),
    oneLine(call.arguments),
  ]);
  return [
    ...formatTable([
      ['run', run.id],
      ['status', run.error === null ? run.status : `${run.status} (${run.error.code}): ${oneLine(run.error.detail)}`],
      ['agent', run.agent],
      ['model', run.model ?? 'unknown'],
      ['took', took(run)],
      ['cost', formatCost(run)],
    ]),
    ...formatTable(steps),
    ...formatTable(calls),
    ...(run.output === null ? [] : ['answer:', oneLine(run.output)]),
  ];
}

function took(run: RunRecord): string {
  if (run.startedAt === null) return 'not started';
  if (run.endedAt === null) return 'in progress';
  return formatDuration(Date.parse(run.endedAt) - Date.parse(run.startedAt));
}
