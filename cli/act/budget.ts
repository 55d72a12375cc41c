import { userLimitsSchema, type BudgetPeriod, type BudgetReport, type UserLimits } from '../../contracts/budget.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';
import { formatUsd } from '../../core/text/format-usd.ts';
import { formatTable } from '../render/format-table.ts';

/** `perdure budget`: a user's limits and what has gone of them. */
export async function budget(deps: CommandDeps, user: string | undefined): Promise<void> {
  show(deps, await deps.client.budget(user));
}

/** `perdure budget set NAME=VALUE…`: changes those limits of a user that are named. */
export async function setBudget(
  deps: CommandDeps,
  user: string | undefined,
  settings: readonly string[],
): Promise<void> {
  const { own } = await deps.client.budget(user);
  const changed = settings.reduce((limits, setting) => ({ ...limits, ...parse(setting) }), own);
  show(deps, await deps.client.setBudget(changed, user));
}

const NAMES = Object.keys(userLimitsSchema.shape) as (keyof UserLimits)[];

/** `none` is no limit; `default` leaves it to the deployment again. */
function parse(setting: string): UserLimits {
  const [name, value = ''] = setting.split('=');
  const known = NAMES.find((one) => one === name);
  const amount = Number(value);
  const fits = value === 'none' || value === 'default' || (value !== '' && amount >= 0 && Number.isFinite(amount));
  if (known !== undefined && fits) {
    return { [known]: value === 'default' ? undefined : value === 'none' ? null : amount };
  }
  throw new CliError(
    `${JSON.stringify(setting)} is no limit. Give NAME=VALUE with one of ${NAMES.join(', ')}, and a number, "none" or "default".`,
    EXIT.usage,
  );
}

function show(deps: CommandDeps, report: BudgetReport): void {
  if (deps.json) return deps.printJson(report);
  const { user, limits, month, day } = report;
  deps.print(`Budget of ${stripControl(user)}`);
  const head = ['PERIOD', 'USED', 'SET ASIDE', 'LIMIT', 'RESETS'];
  const rows = [
    ...rowsOf(month, limits.monthlyUsd, limits.monthlyTokens),
    ...rowsOf(day, limits.dailyUsd, limits.dailyTokens),
  ];
  for (const line of formatTable([head, ...rows])) deps.print(line);
  if (limits.dailyWarnUsd !== null) deps.print(`Warns at ${formatUsd(limits.dailyWarnUsd)} a day.`);
  if (month.unpricedCalls > 0) {
    deps.print(
      `The cost of ${formatCount(month.unpricedCalls, 'call')} of this month is not known and not counted as used.`,
    );
  }
}

function rowsOf(period: BudgetPeriod, usd: number | null, tokens: number | null): string[][] {
  return [
    [period.period, formatUsd(period.usedUsd), formatUsd(period.reservedUsd), shown(usd, formatUsd), period.resetsAt],
    [
      period.period,
      tokensOf(period.usedTokens),
      tokensOf(period.reservedTokens),
      shown(tokens, tokensOf),
      period.resetsAt,
    ],
  ];
}

function shown(limit: number | null, say: (value: number) => string): string {
  return limit === null ? 'none' : say(limit);
}

function tokensOf(value: number): string {
  return formatCount(value, 'token');
}
