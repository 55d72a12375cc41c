import { Option, type Command } from 'commander';
import { runWaitSchema } from '../../contracts/session/run-wait.ts';
import type { SessionFilter } from '../../contracts/session/list-filters.ts';
import { sessionStatusSchema } from '../../contracts/session/session.ts';
import { parseDuration } from '../shared/parse-duration.ts';
import { parseNameValue } from '../shared/parse-filter.ts';
import { parseAmount, parseFraction } from '../shared/parse-number.ts';

/** The options of {@link addListFilters}, as commander parses them. */
export interface ListFilterOptions {
  readonly agent?: string;
  readonly agentVersion?: string;
  readonly tool?: string;
  readonly error?: string;
  readonly waitingFor?: SessionFilter['waitingFor'];
  readonly waited?: number;
  readonly minCost?: number;
  readonly maxCost?: number;
  readonly older?: number;
  readonly younger?: number;
  readonly idle?: number;
}

/** Adds the filters that lists of runs and of sessions share. `which`: begins each description. `noun`: what an age is of. */
export function addListFilters(command: Command, { which, noun }: { which: string; noun: string }): Command {
  const option = (flags: string, description: string): Option => new Option(flags, `${which}${description}`);
  const waits = runWaitSchema.options;
  return command
    .addOption(option('--agent <name>', 'of this agent'))
    .addOption(option('--agent-version <hash>', 'of an agent version; the beginning of its hash'))
    .addOption(option('--tool <name>', 'that called this tool'))
    .addOption(option('--error <code>', 'that failed with this error code'))
    .addOption(option('--waiting-for <what>', 'that wait for this now').choices(waits))
    .addOption(option('--waited <time>', 'that have waited this long, such as 10m').argParser(parseDuration))
    .addOption(option('--min-cost <usd>', 'that cost at least this').argParser(parseAmount))
    .addOption(option('--max-cost <usd>', 'that cost at most this').argParser(parseAmount))
    .addOption(option('--older <time>', `${noun} this long ago or earlier, such as 1h`).argParser(parseDuration))
    .addOption(option('--younger <time>', `${noun} this long ago or later`).argParser(parseDuration));
}

/** Adds the filters of lists of sessions. */
export function addSessionFilters(command: Command): Command {
  return addListFilters(command, { which: 'only sessions ', noun: 'created' })
    .addOption(new Option('--status <status>', 'only sessions with this status').choices(sessionStatusSchema.options))
    .addOption(
      new Option('--idle <time>', 'only sessions without activity for this long, such as 12h').argParser(parseDuration),
    )
    .addOption(
      new Option('--min-error-rate <rate>', 'only sessions with at least this error rate, 0 to 1').argParser(
        parseFraction,
      ),
    )
    .addOption(
      new Option('--metadata <name=value>', 'only sessions with this metadata; may be repeated').argParser(
        parseNameValue,
      ),
    );
}

/** Converts these options to the fields of the filter. Other options stay. */
export function toListFilter<T extends object>(options: T & ListFilterOptions) {
  const { error, waited, minCost, maxCost, older, younger, idle, ...rest } = options;
  return {
    ...rest,
    errorCode: error,
    minWaitMs: waited,
    minCostUsd: minCost,
    maxCostUsd: maxCost,
    minAgeMs: older,
    maxAgeMs: younger,
    minIdleMs: idle,
  };
}
