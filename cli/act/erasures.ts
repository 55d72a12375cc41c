import type { Erasure } from '../../contracts/admin/erasure.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { formatTable } from '../render/format-table.ts';
import { formatTime } from '../render/format-time.ts';
import { printTable } from '../render/print-table.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { printNextPage } from '../look/print-next-page.ts';

/** `perdure erasures`: lists erasures of users, newest first. Those that have ended name nobody. */
export async function erasures(deps: CommandDeps, page: { limit?: number; cursor?: string }): Promise<void> {
  const { data, nextCursor } = await deps.client.erasures(page);
  if (deps.json) return deps.printJson({ data, nextCursor });
  if (data.length === 0) return deps.hint('No erasures. Erase a user with `perdure erase USER`.');
  const heading = ['ERASURE', 'USER', 'REQUESTED', 'ENDED', 'DURATION'];
  const rows = data.map((one) => [
    one.id,
    one.user === null ? 'erased' : stripControl(one.user),
    formatTime(one.requestedAt, deps),
    one.endedAt === null ? `in progress${one.step === null ? '' : ` (${one.step})`}` : formatTime(one.endedAt, deps),
    formatDuration(one.durationMs),
  ]);
  printTable(deps, [heading, ...rows]);
  printNextPage(deps, nextCursor);
}

/** `perdure erasures ID`: shows the progress or the report of an erasure. */
export async function erasure(deps: CommandDeps, id: string): Promise<void> {
  const report = await deps.client.erasure(id);
  if (deps.json) return deps.printJson(report);
  for (const line of erasureLines(report)) deps.print(line);
}

/** The report of an erasure: what was erased by place, and how it stands. */
export function erasureLines({
  id,
  endedAt,
  durationMs,
  counts,
  step,
  error,
  providerConversations,
}: Erasure): string[] {
  const rows = Object.entries(counts)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([place, count]) => [place, count.toLocaleString('en')]);
  const state = endedAt === null ? `in progress${step === null ? '' : ` (${step})`}` : 'ended, nothing is left';
  return [
    ...(rows.length > 0 ? formatTable([['ERASED', 'COUNT'], ...rows]) : ['Nothing was stored of the user.']),
    `Erasure ${id}: ${state}, after ${formatDuration(durationMs)}.`,
    ...(error === null ? [] : [`The step failed and is repeated: ${stripControl(error)}`]),
    ...(providerConversations === undefined
      ? []
      : [
          `Kept by providers: ${providerConversations.pending.toLocaleString('en')} still to be deleted, ${providerConversations.givenUp.toLocaleString('en')} given up.`,
        ]),
  ];
}
