import type { SweepQuery } from '../../client/http/queries.ts';
import type { Sweep, SweepRecord } from '../../contracts/maintenance.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { printNextPage } from './print-next-page.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';
import { formatTable } from '../render/format-table.ts';

/** `perdure sweeps`: clean-ups, newest first. */
export async function sweeps(deps: CommandDeps, query: SweepQuery): Promise<void> {
  const { data, nextCursor } = await deps.client.sweeps(query);
  if (deps.json) return deps.printJson({ data, nextCursor });
  if (data.length === 0) {
    return deps.print('There are no clean-ups of the last 30 days here. `perdure clean` begins one.');
  }
  const heading = ['CLEAN-UP', 'OF', 'BEGAN', 'ENDED', 'SESSIONS', 'DONE'];
  const rows = data.map((record) => [
    record.id,
    record.user === null ? 'all users' : stripControl(record.user),
    record.startedAt,
    record.endedAt ?? 'goes on',
    record.seen.toLocaleString('en'),
    record.dryRun ? `dry run: ${doneIn(record)}` : doneIn(record),
  ]);
  for (const line of formatTable([heading, ...rows])) deps.print(line);
  printNextPage(deps, nextCursor);
}

/** `perdure sweeps <sweep>`: a page of what one did. */
export async function sweep(deps: CommandDeps, id: string, page: { limit?: number; cursor?: string }): Promise<void> {
  const report = await deps.client.sweep(id, page);
  if (deps.json) return deps.printJson(report);
  for (const line of sweepLines(report, report.user === null)) deps.print(line);
  printNextPage(deps, report.nextCursor);
}

/** What was done to which session and why, and the sums; with the user where they are of several. */
export function sweepLines(report: Sweep, withUser = false): string[] {
  const rows = report.actions.map(({ user, session, action, reason }) => [
    ...(withUser ? [stripControl(user)] : []),
    stripControl(session),
    action,
    stripControl(reason),
  ]);
  const heading = [...(withUser ? ['USER'] : []), 'SESSION', report.dryRun ? 'WOULD BE' : 'DONE', 'WHY'];
  const done = report.dryRun ? doneIn(report, ' would be ') : doneIn(report);
  const looked = `Looked at ${formatCount(report.seen, 'session')}${report.endedAt === null ? ' so far' : ''}`;
  return [...(rows.length > 0 ? formatTable([heading, ...rows]) : []), `${looked}: ${done}.`];
}

function doneIn({ counts }: SweepRecord, verb = ' '): string {
  const done = Object.entries(counts).map(([action, sessions]) => `${sessions.toLocaleString('en')}${verb}${action}`);
  return done.join(', ') || 'nothing to do';
}
