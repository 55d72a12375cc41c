import { summarize } from '../statistics.ts';
import type { EndToEndSetting } from './end-to-end-benchmark.ts';
import { MESSAGE } from './messages.ts';
import { observeBlock, type GroupTimes } from './observe/observe-block.ts';
import { busyPercent, type OwnLoad } from './observe/own-load.ts';
import { residentMiB } from './observe/processes.ts';
import type { People } from './people.ts';
import type { System } from './systems/system.ts';

/** Turns of one system with a number of sessions that talk at once. */
export interface TurnLevel {
  readonly sessions: number;
  readonly turnsMs: readonly number[];
  readonly turnsPerSecond: number;
  /** Processor time during these turns. */
  readonly processor: GroupTimes;
  /** Resident memory after them, in MiB, by group of processes. */
  readonly memoryMiB: Readonly<Record<string, number>>;
  readonly driver: OwnLoad;
  readonly provider: OwnLoad;
}

const LEVELS = [1, 10, 50] as const;

/** Measures tool turns at each number of sessions, after a warm-up in which V8 compiles what is used often. */
export async function measureTurnLevels(
  setting: EndToEndSetting,
  people: People,
  system: System,
): Promise<TurnLevel[]> {
  const warmUpMs = setting.size(2_000, 100);
  await people.driver.run('turns', {
    url: system.url,
    content: MESSAGE.tool,
    sessions: 20,
    warmUpMs: 0,
    measureMs: setting.size(20_000, 300),
  });
  const levels: TurnLevel[] = [];
  for (const sessions of LEVELS) {
    const measureMs = sessions < 50 ? setting.size(15_000, 500) : setting.size(30_000, 2_000);
    levels.push(await measureLevel(people, system, { sessions, warmUpMs, measureMs }));
  }
  return levels;
}

async function measureLevel(
  { driver, provider }: People,
  system: System,
  level: { readonly sessions: number; readonly warmUpMs: number; readonly measureMs: number },
): Promise<TurnLevel> {
  const observed = observeBlock(system);
  await Promise.all([driver.run('load', undefined), provider.run('load', undefined)]);
  const input = { url: system.url, content: MESSAGE.tool, ...level };
  const { turnsMs, elapsedMs } = await driver.run('turns', input, (mark) => observed.onMark(mark));
  const [driverLoad, providerLoad] = await Promise.all([
    driver.run('load', undefined),
    provider.run('load', undefined),
  ]);
  const memory = Object.entries(system.processes()).map(([group, pids]) => [group, residentMiB(pids)] as const);
  return {
    sessions: level.sessions,
    turnsMs,
    turnsPerSecond: (turnsMs.length / elapsedMs) * 1_000,
    processor: observed.times(),
    memoryMiB: Object.fromEntries(memory),
    driver: driverLoad,
    provider: providerLoad,
  };
}

/** The figures of a level. `modelMs` is the model's own time in a turn. */
export function figuresOf(level: TurnLevel, modelMs: number): Record<string, number> {
  const { p50, p95, count } = summarize(level.turnsMs.map((ms) => ms - modelMs));
  const groups = Object.entries(level.processor);
  const cpu = groups.map(([group, { totalMs }]) => [`${group} CPU ms`, totalMs / count] as const);
  return {
    'p50 ms': p50,
    'p95 ms': p95,
    'turns/s': level.turnsPerSecond,
    ...(groups.length > 0 && { 'CPU ms': groups.reduce((sum, [, { totalMs }]) => sum + totalMs, 0) / count }),
    ...Object.fromEntries(cpu),
    'driver CPU %': busyPercent(level.driver),
    'driver lag p99 ms': level.driver.lagP99Ms,
    'provider CPU %': busyPercent(level.provider),
    turns: count,
  };
}

/** Resident memory after the turns, by group of processes, and of all. Empty on a system without `/proc`. */
export function memoryOf({ memoryMiB }: TurnLevel): Record<string, number> {
  const all = Object.values(memoryMiB);
  return all.length === 0 ? {} : { all: all.reduce((sum, mib) => sum + mib, 0), ...memoryMiB };
}

/** Processor time of a turn in ms, by thread of the application. */
export function threadsOf({ processor, turnsMs }: TurnLevel): Record<string, number> {
  const { application } = processor;
  if (!application) return {};
  const byThread = Object.entries(application.threads).toSorted(([, a], [, b]) => b - a);
  const ended = application.totalMs - byThread.reduce((sum, [, ms]) => sum + ms, 0);
  return Object.fromEntries([...byThread, ['ended', ended] as const].map(([name, ms]) => [name, ms / turnsMs.length]));
}
