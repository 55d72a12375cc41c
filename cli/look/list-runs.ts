import type { RunQuery } from '../../client/http/queries.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { formatUsd } from '../../core/text/format-usd.ts';
import { formatTime } from '../render/format-time.ts';
import { printTable } from '../render/print-table.ts';
import { shortRunId } from '../shared/short-id.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';

/** `perdure runs`: lists the runs of all sessions, the newest, slowest or dearest first. */
export async function listRuns(deps: CommandDeps, query: RunQuery): Promise<void> {
  const page = await deps.client.listRuns(query);
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.hint('No runs. Start one with `perdure chat`.');
  const withUser = query.all === true;
  const heading = ['RUN', ...(withUser ? ['USER'] : []), 'SESSION', 'STATUS', 'AGENT', 'TOTAL', 'COST', 'CREATED'];
  const rows = page.data.map((run) => [
    shortRunId(run.id, deps.terminal),
    ...(withUser ? [stripControl(run.user)] : []),
    stripControl(run.parent ? `└ ${run.parent.sessionId}` : run.sessionId),
    run.error === null ? run.status : `${run.status} (${run.error.code})`,
    run.agent,
    run.totalMs === null ? 'in progress' : formatDuration(run.totalMs),
    // In full in `perdure runs SESSION RUN`.
    run.costUsd === null ? '?' : formatUsd(run.costUsd),
    formatTime(run.createdAt, deps),
  ]);
  printTable(deps, [heading, ...rows]);
}
