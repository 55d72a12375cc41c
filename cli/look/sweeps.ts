import type { SweepQuery } from '../../client/http/queries.ts';
import type { Sweep, SweepRecord } from '../../contracts/maintenance.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { printNextPage } from './print-next-page.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';
import { formatTable } from '../render/format-table.ts';
import { formatTime } from '../render/format-time.ts';
import { printTable } from '../render/print-table.ts';

/** `perdure sweeps`: lists clean-ups, newest first. */
export async function sweeps(deps: CommandDeps, query: SweepQuery): Promise<void> {
  const { data, nextCursor } = await deps.client.sweeps(query);
  if (deps.json) return deps.printJson({ data, nextCursor });
  if (data.length === 0) {
    return deps.hint('No clean-ups in the last 30 days. Start one with `perdure clean`.');
  }
  const heading = ['CLEAN-UP', 'USER', 'STARTED', 'ENDED', 'SESSIONS', 'ACTIONS'];
  const rows = data.map((record) => [
    record.id,
    record.user === null ? 'all users' : stripControl(record.user),
    formatTime(record.startedAt, deps),
    record.endedAt === null ? 'in progress' : formatTime(record.endedAt, deps),
    record.seen.toLocaleString('en'),
    record.dryRun ? `dry run: ${describeCounts(record)}` : describeCounts(record),
  ]);
  printTable(deps, [heading, ...rows]);
  printNextPage(deps, nextCursor);
}

/** `perdure sweeps <sweep>`: shows a page of the actions of a clean-up. */
export async function sweep(deps: CommandDeps, id: string, page: { limit?: number; cursor?: string }): Promise<void> {
  const report = await deps.client.sweep(id, page);
  if (deps.json) return deps.printJson(report);
  for (const line of sweepLines(report, report.user === null)) deps.print(line);
  printNextPage(deps, report.nextCursor);
}

/** A table of actions with their reasons, and the totals; with a column for the user where `withUser`. */
export function sweepLines(report: Sweep, withUser = false): string[] {
  const rows = report.actions.map(({ user, session, action, reason }) => [
    ...(withUser ? [stripControl(user)] : []),
    stripControl(session),
    action,
    stripControl(reason),
  ]);
  const heading = [...(withUser ? ['USER'] : []), 'SESSION', report.dryRun ? 'WOULD BE' : 'ACTION', 'REASON'];
  const done = report.dryRun ? describeCounts(report, ' would be ') : describeCounts(report);
  const checked = `Checked ${formatCount(report.seen, 'session')}${report.endedAt === null ? ' so far' : ''}`;
  return [...(rows.length > 0 ? formatTable([heading, ...rows]) : []), `${checked}: ${done}.`, ...keptLines(report)];
}

function keptLines({ keptConversations: kept }: SweepRecord): string[] {
  if (!kept) return [];
  const { deleted, pending, givenUp } = kept;
  return [
    `Kept by providers, of deleted sessions: ${deleted.toLocaleString('en')} deleted, ${pending.toLocaleString('en')} pending, ${givenUp.toLocaleString('en')} given up.`,
  ];
}

function describeCounts({ counts }: SweepRecord, verb = ' '): string {
  const done = Object.entries(counts).map(([action, sessions]) => `${sessions.toLocaleString('en')}${verb}${action}`);
  return done.join(', ') || 'nothing to do';
}
