import type { UsageQuery } from '../../client/http/queries.ts';
import type { UsageLine } from '../../contracts/usage.ts';
import type { Cli } from '../shared/cli.ts';
import { costCell, unknownLines } from './known-sums.ts';
import { harmless, table } from '../render/show-text.ts';

/** `perdure usage`: what model calls used, by day, agent, model, session or user. */
export async function usage(cli: Cli, query: UsageQuery): Promise<void> {
  const report = await cli.client.usage(query);
  if (cli.json) return cli.printJson(report);
  const { by, from, to, data, total } = report;
  const whose = report.user === null ? 'all users' : harmless(report.user);
  cli.print(`Usage of ${whose} from ${from} to ${to}`);
  if (total.calls === 0) return cli.print('No model was called.');
  const head = [by.toUpperCase(), 'CALLS', 'FAILED', 'INPUT', 'CACHED', 'OUTPUT', 'COST'];
  const rows = data.map((line) => rowOf(line.key === null ? 'deleted sessions' : harmless(line.key), line));
  for (const line of table([head, ...rows, rowOf('all', total)])) cli.print(line);
  for (const line of unknownLines(total)) cli.print(line);
}

function rowOf(name: string, line: UsageLine): string[] {
  return [
    name,
    number(line.calls),
    number(line.failedCalls),
    number(line.inputTokens),
    number(line.cachedTokens),
    number(line.outputTokens),
    costCell(line),
  ];
}

function number(value: number): string {
  return value.toLocaleString('en');
}
