import { userLimitsSchema, type BudgetPeriod, type BudgetReport, type UserLimits } from '../../contracts/budget.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';
import { formatUsd } from '../../core/text/format-usd.ts';
import { formatTime, type TimeStyle } from '../render/format-time.ts';
import { printTable } from '../render/print-table.ts';

/** `perdure budget`: shows a user's limits and how much of them is used. */
export async function budget(deps: CommandDeps, user: string | undefined): Promise<void> {
  show(deps, await deps.client.budget(user));
}

/** `perdure budget set NAME=VALUE…`: changes the named limits of a user. */
export async function setBudget(
  deps: CommandDeps,
  user: string | undefined,
  settings: readonly string[],
): Promise<void> {
  const { own } = await deps.client.budget(user);
  const changed = settings.reduce((limits, setting) => ({ ...limits, ...parseLimit(setting) }), own);
  show(deps, await deps.client.setBudget(changed, user));
}

const NAMES = Object.keys(userLimitsSchema.shape) as (keyof UserLimits)[];

/** Parses `NAME=VALUE`. `none` is no limit; `default` restores the limit of the deployment. */
function parseLimit(setting: string): UserLimits {
  const [name, value = ''] = setting.split('=');
  const known = NAMES.find((one) => one === name);
  const amount = Number(value);
  const fits = value === 'none' || value === 'default' || (value !== '' && amount >= 0 && Number.isFinite(amount));
  if (known !== undefined && fits) {
    return { [known]: value === 'default' ? undefined : value === 'none' ? null : amount };
  }
  throw new CliError(
    `Invalid limit ${JSON.stringify(setting)}. Use NAME=VALUE with a name of ${NAMES.join(', ')} and a number, "none" or "default".`,
    EXIT.usage,
  );
}

function show(deps: CommandDeps, report: BudgetReport): void {
  if (deps.json) return deps.printJson(report);
  const { user, limits, month, day } = report;
  deps.print(`Budget of ${stripControl(user)}`);
  const head = ['PERIOD', 'USED', 'RESERVED', 'LIMIT', 'RESETS'];
  const rows = [
    ...rowsOf(deps, month, limits.monthlyUsd, limits.monthlyTokens),
    ...rowsOf(deps, day, limits.dailyUsd, limits.dailyTokens),
  ];
  printTable(deps, [head, ...rows]);
  if (limits.dailyWarnUsd !== null) deps.print(`Warning at ${formatUsd(limits.dailyWarnUsd)} per day.`);
  if (month.unpricedCalls > 0) {
    const estimated = month.estimatedUsd > 0 || month.estimatedTokens > 0;
    const counted = estimated
      ? `about ${formatUsd(month.estimatedUsd)} and ${formatCount(month.estimatedTokens, 'token')} are counted as used for them`
      : 'not counted as used';
    deps.print(`The cost of ${formatCount(month.unpricedCalls, 'call')} this month is unknown and ${counted}.`);
  }
}

function rowsOf(style: TimeStyle, period: BudgetPeriod, usd: number | null, tokens: number | null): string[][] {
  return [
    [
      period.period,
      formatUsd(period.usedUsd),
      formatUsd(period.reservedUsd),
      formatLimit(usd, formatUsd),
      formatTime(period.resetsAt, style),
    ],
    [
      period.period,
      tokensOf(period.usedTokens),
      tokensOf(period.reservedTokens),
      formatLimit(tokens, tokensOf),
      formatTime(period.resetsAt, style),
    ],
  ];
}

function formatLimit(limit: number | null, format: (value: number) => string): string {
  return limit === null ? 'none' : format(limit);
}

function tokensOf(value: number): string {
  return formatCount(value, 'token');
}
