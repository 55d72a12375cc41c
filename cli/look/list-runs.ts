import type { RunQuery } from '../../client/http/queries.ts';
import type { ListedRun } from '../../contracts/session/run.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { formatUsd } from '../../core/text/format-usd.ts';
import { formatTime } from '../render/format-time.ts';
import { printNextPage } from './print-next-page.ts';
import { printTable } from '../render/print-table.ts';
import { shortRunId } from '../shared/short-id.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';

/** `perdure runs`: lists the runs of all sessions, in the order asked for. */
export async function listRuns(deps: CommandDeps, query: RunQuery): Promise<void> {
  const page = await deps.client.listRuns(query);
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.hint(emptyMessage(query));
  const withUser = query.all === true;
  const heading = ['RUN', ...(withUser ? ['USER'] : []), 'SESSION', 'STATUS', 'AGENT', 'TOTAL', 'COST', 'CREATED'];
  const rows = page.data.map((run) => [
    shortRunId(run.id, deps.terminal),
    ...(withUser ? [stripControl(run.user)] : []),
    stripControl(run.parent ? `└ ${run.parent.sessionId}` : run.sessionId),
    statusOf(run),
    run.agent,
    run.totalMs === null ? 'in progress' : formatDuration(run.totalMs),
    // In full in `perdure runs SESSION RUN`.
    run.costUsd === null ? '?' : formatUsd(run.costUsd),
    formatTime(run.createdAt, deps),
  ]);
  printTable(deps, [heading, ...rows]);
  printNextPage(deps, page.nextCursor ?? null);
}

function emptyMessage({ user: _user, all: _all, limit: _limit, order, ...filters }: RunQuery): string {
  const isFiltered = order === 'waiting' || Object.values(filters).some((value) => value !== undefined);
  return isFiltered ? 'No matching runs.' : 'No runs. Start one with `perdure chat`.';
}

/** The status, with what an open run waits for and since when, or with the error of a failed one. */
function statusOf({ status, error, waitingFor }: ListedRun): string {
  if (error !== null) return `${status} (${error.code})`;
  if (!waitingFor) return status;
  const { what, since } = waitingFor;
  return `${status} (${what}, ${formatDuration(Math.max(0, Date.now() - Date.parse(since)))})`;
}
