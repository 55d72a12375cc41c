import type { SweepQuery } from '../../client/http/queries.ts';
import type { Sweep, SweepRecord } from '../../contracts/maintenance.ts';
import type { Cli } from '../shared/cli.ts';
import { sayMore } from './next-page.ts';
import { count, harmless, table } from '../render/show-text.ts';

/** `perdure sweeps`: clean-ups, newest first. */
export async function sweeps(cli: Cli, query: SweepQuery): Promise<void> {
  const { data, nextCursor } = await cli.client.sweeps(query);
  if (cli.json) return cli.printJson({ data, nextCursor });
  if (data.length === 0) {
    return cli.print('There are no clean-ups of the last 30 days here. `perdure clean` begins one.');
  }
  const heading = ['CLEAN-UP', 'OF', 'BEGAN', 'ENDED', 'SESSIONS', 'DONE'];
  const rows = data.map((record) => [
    record.id,
    record.user === null ? 'all users' : harmless(record.user),
    record.startedAt,
    record.endedAt ?? 'goes on',
    record.seen.toLocaleString('en'),
    record.dryRun ? `dry run: ${doneIn(record)}` : doneIn(record),
  ]);
  for (const line of table([heading, ...rows])) cli.print(line);
  sayMore(cli, nextCursor);
}

/** `perdure sweeps <sweep>`: a page of what one did. */
export async function sweep(cli: Cli, id: string, page: { limit?: number; cursor?: string }): Promise<void> {
  const report = await cli.client.sweep(id, page);
  if (cli.json) return cli.printJson(report);
  for (const line of sweepLines(report, report.user === null)) cli.print(line);
  sayMore(cli, report.nextCursor);
}

/** What was done to which session and why, and the sums; with the user where they are of several. */
export function sweepLines(report: Sweep, withUser = false): string[] {
  const rows = report.actions.map(({ user, session, action, reason }) => [
    ...(withUser ? [harmless(user)] : []),
    harmless(session),
    action,
    harmless(reason),
  ]);
  const heading = [...(withUser ? ['USER'] : []), 'SESSION', report.dryRun ? 'WOULD BE' : 'DONE', 'WHY'];
  const done = report.dryRun ? doneIn(report, ' would be ') : doneIn(report);
  const looked = `Looked at ${count(report.seen, 'session')}${report.endedAt === null ? ' so far' : ''}`;
  return [...(rows.length > 0 ? table([heading, ...rows]) : []), `${looked}: ${done}.`];
}

function doneIn({ counts }: SweepRecord, verb = ' '): string {
  const done = Object.entries(counts).map(([action, sessions]) => `${sessions.toLocaleString('en')}${verb}${action}`);
  return done.join(', ') || 'nothing to do';
}
