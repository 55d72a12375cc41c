import type { PageQuery } from '../../client/http/queries.ts';
import type { Batch, BatchOutcome } from '../../contracts/admin/batch.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { printNextPage } from '../look/print-next-page.ts';
import { formatTable } from '../render/format-table.ts';
import { formatTime } from '../render/format-time.ts';
import { oneLine } from '../render/one-line.ts';
import { printTable } from '../render/print-table.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';

/** `perdure batch list`: lists batches, newest first. */
export async function batches(deps: CommandDeps, page: PageQuery): Promise<void> {
  const { data, nextCursor } = await deps.client.batches(page);
  if (deps.json) return deps.printJson({ data, nextCursor });
  if (data.length === 0) return deps.hint('No batches. See `perdure batch --help`.');
  const rows = data.map((one) => [
    stripControl(one.id),
    one.action,
    one.status,
    ...[one.matched, one.done, one.skipped, one.failed].map((count) => count.toLocaleString('en')),
    stripControl(one.by),
    formatTime(one.createdAt, deps),
  ]);
  const heading = ['BATCH', 'ACTION', 'STATUS', 'MATCHED', 'DONE', 'SKIPPED', 'FAILED', 'BY', 'CREATED'];
  printTable(deps, [heading, ...rows]);
  printNextPage(deps, nextCursor);
}

interface ShowOptions extends PageQuery {
  readonly items?: boolean;
  readonly outcome?: BatchOutcome;
}

/** `perdure batch show ID`: shows the progress or the report of a batch, or what became of each of its runs or sessions. */
export async function batch(deps: CommandDeps, id: string, { items, ...query }: ShowOptions): Promise<void> {
  if (items) return await batchItems(deps, id, query);
  const report = await deps.client.batch(id);
  if (deps.json) return deps.printJson(report);
  for (const line of batchLines(report)) deps.print(line);
}

async function batchItems(deps: CommandDeps, id: string, query: Omit<ShowOptions, 'items'>): Promise<void> {
  const page = await deps.client.batchItems(id, query);
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.print('Nothing.');
  const rows = page.data.map((one) => [
    stripControl(one.user),
    stripControl(one.sessionId),
    one.runId ?? '',
    one.outcome ?? 'to be done',
    oneLine(one.detail ?? ''),
  ]);
  printTable(deps, [['USER', 'SESSION', 'RUN', 'OUTCOME', 'REASON'], ...rows]);
  printNextPage(deps, page.nextCursor);
}

/** `perdure batch stop ID`: ends a batch. */
export async function stopBatch(deps: CommandDeps, id: string): Promise<void> {
  const ended = await deps.client.cancelBatch(id);
  if (deps.json) return deps.printJson(ended);
  for (const line of batchLines(ended)) deps.print(line);
}

/** The report of a batch: what became of what, and why. */
export function batchLines(report: Batch): string[] {
  const { id, action, status, createdAt, endedAt, matched, truncated, done, skipped, failed, reasons = [] } = report;
  const noun = action === 'cancel' || action === 'resume' ? 'runs' : 'sessions';
  const left = matched - done - skipped - failed;
  const rows = [
    ['matched', matched],
    ['done', done],
    ['skipped', skipped],
    ['failed', failed],
    ...(left > 0 ? [['left', left]] : []),
  ].map(([name, count]) => [String(name), Number(count).toLocaleString('en')]);
  const took = endedAt === null ? '' : `, after ${formatDuration(Date.parse(endedAt) - Date.parse(createdAt))}`;
  return [
    ...formatTable(rows),
    ...reasons.map(({ outcome, code, count }) => `  ${outcome} because of ${code}: ${count.toLocaleString('en')}`),
    `Batch ${id} (${action} ${noun}): ${status}${took}.`,
    ...(truncated ? ['More match than a batch takes. Start another one for the rest.'] : []),
  ];
}
