import { formatDuration } from '../../core/text/format-duration.ts';
import type { StatsQuery } from '../../client/http/queries.ts';
import type { Stats, StatsPage } from '../../contracts/stats.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { formatPartialCost, formatPartial, unknownNotes } from './partial-sums.ts';
import { printNextPage } from './print-next-page.ts';
import { stripControl } from '../render/strip-control.ts';
import { formatRecorded } from './format-recorded.ts';
import { formatTable } from '../render/format-table.ts';
import { printTable } from '../render/print-table.ts';

/** `perdure stats`: statistics of runs by day, agent or session, or in total. */
export async function stats(deps: CommandDeps, query: StatsQuery): Promise<void> {
  const page = await deps.client.stats(query);
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.print('No runs ended and no models were called in this period.');
  const heading = [page.by.toUpperCase(), 'RUNS', 'FAILED', 'RATE', 'MEAN', 'P50', 'P95', 'TOKENS', 'COST'];
  const withUser = page.by === 'session' && query.all === true;
  const rows = page.data.map((row) => [
    ...(withUser ? [stripControl(row.user ?? '')] : []),
    stripControl(row.key),
    ...cells(row),
  ]);
  const ofAll = [...(withUser ? ['all', 'all'] : ['all']), ...cells(page.total)];
  printTable(deps, [withUser ? ['USER', ...heading] : heading, ...rows, ofAll]);
  for (const line of unknownNotes(page.total)) deps.print(line);
  for (const line of recordedLines(page)) deps.print(line);
  const shown = page.data.reduce((sum, { requests }) => sum + requests, 0);
  if (page.by === 'session' && shown < page.total.requests) {
    deps.print('"all" includes deleted and archived sessions, sessions on other pages, and runs without a session.');
  }
  deps.print('Times are from the start of a run to its end, without its time in the queue.');
  printNextPage(deps, page.nextCursor);
}

/** What applications have recorded, by row and in all; none without records. */
function recordedLines({ data, total }: StatsPage): string[] {
  if (total.recorded === undefined && data.every(({ recorded }) => recorded === undefined)) return [];
  const rows = data.flatMap(({ key, recorded }) =>
    recorded === undefined ? [] : [[`  ${stripControl(key)}`, formatRecorded(recorded)]],
  );
  const all = total.recorded === undefined ? [] : [['  all', formatRecorded(total.recorded)]];
  return ['Recorded by applications:', ...formatTable([...rows, ...all])];
}

function cells(row: Stats): string[] {
  const { requests, errors, errorRate, meanMs, p50Ms, p95Ms, knownUsage, unmeteredCalls } = row;
  const tokens = (knownUsage.inputTokens + knownUsage.outputTokens).toLocaleString('en');
  return [
    requests.toLocaleString('en'),
    errors.toLocaleString('en'),
    errorRate === null ? '-' : `${(errorRate * 100).toFixed(1)} %`,
    ...[meanMs, p50Ms, p95Ms].map((ms) => (ms === null ? '-' : formatDuration(ms))),
    formatPartial(tokens, tokens === '0', unmeteredCalls),
    formatPartialCost(row),
  ];
}
