import { sayMs } from '../../core/text/say.ts';
import type { StatsQuery } from '../../client/http/queries.ts';
import type { Stats } from '../../contracts/stats.ts';
import type { Cli } from '../shared/cli.ts';
import { costCell, knownPart, unknownLines } from './known-sums.ts';
import { sayMore } from './next-page.ts';
import { harmless, table } from '../render/show-text.ts';

/** `perdure stats`: how runs went and what they used, by day, agent, session, or all together. */
export async function stats(cli: Cli, query: StatsQuery): Promise<void> {
  const page = await cli.client.stats(query);
  if (cli.json) return cli.printJson(page);
  if (page.data.length === 0) return cli.print('No run has ended in that time, and no model was called.');
  const heading = [page.by.toUpperCase(), 'RUNS', 'FAILED', 'RATE', 'MEAN', 'P50', 'P95', 'TOKENS', 'COST'];
  const rows = page.data.map((row) => [harmless(row.key), ...cells(row)]);
  for (const line of table([heading, ...rows, ['all', ...cells(page.total)]])) cli.print(line);
  for (const line of unknownLines(page.total)) cli.print(line);
  const shown = page.data.reduce((sum, { requests }) => sum + requests, 0);
  if (page.by === 'session' && shown < page.total.requests) {
    cli.print(
      'Sessions that are deleted or archived, or not shown here, and runs without a session count in "all" too.',
    );
  }
  sayMore(cli, page.nextCursor);
}

function cells(row: Stats): string[] {
  const { requests, errors, errorRate, meanMs, p50Ms, p95Ms, knownUsage, unmeteredCalls } = row;
  const tokens = (knownUsage.inputTokens + knownUsage.outputTokens).toLocaleString('en');
  return [
    requests.toLocaleString('en'),
    errors.toLocaleString('en'),
    errorRate === null ? '-' : `${(errorRate * 100).toFixed(1)} %`,
    ...[meanMs, p50Ms, p95Ms].map((ms) => (ms === null ? '-' : sayMs(ms))),
    knownPart(tokens, tokens === '0', unmeteredCalls),
    costCell(row),
  ];
}
