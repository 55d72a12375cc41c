import type { UsageQuery } from '../../client/http/queries.ts';
import type { UsageLine, UsageReport } from '../../contracts/usage.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { formatPartialCost, unknownNotes } from './partial-sums.ts';
import { stripControl } from '../render/strip-control.ts';
import { printTable } from '../render/print-table.ts';

/** `perdure usage`: the tokens and cost of model calls, by day, agent, model, session or user. */
export async function usage(deps: CommandDeps, query: UsageQuery): Promise<void> {
  const report = await deps.client.usage(query);
  if (deps.json) return deps.printJson(report);
  const { by, from, to, data, total } = report;
  const owner = report.user === null ? 'all users' : stripControl(report.user);
  deps.print(`Usage of ${owner} from ${from} to ${to}`);
  if (total.calls === 0) return deps.print('No model calls.');
  const head = [by.toUpperCase(), 'CALLS', 'FAILED', 'INPUT', 'CACHED', 'OUTPUT', 'COST'];
  const rows = data.map((line) => rowOf(nameOf(line.key, by), line));
  printTable(deps, [head, ...rows, rowOf('all', total)]);
  for (const line of unknownNotes(total)) deps.print(line);
}

/** The name of a line. Embeddings that no run has caused have no agent and no session. */
function nameOf(key: string | null, by: UsageReport['by']): string {
  if (key === null) return 'deleted or no session';
  return key === '' && by === 'agent' ? 'no agent' : stripControl(key);
}

function rowOf(name: string, line: UsageLine): string[] {
  return [
    name,
    number(line.calls),
    number(line.failedCalls),
    number(line.inputTokens),
    number(line.cachedTokens),
    number(line.outputTokens),
    formatPartialCost(line),
  ];
}

function number(value: number): string {
  return value.toLocaleString('en');
}
