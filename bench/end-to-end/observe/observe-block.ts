import { HAS_PROC, processorTime, type ProcessorTime } from './processes.ts';
import type { System } from '../systems/system.ts';

/** Processor time of a system between two moments, by group of processes. Empty on a system without `/proc`. */
export type GroupTimes = Readonly<Record<string, ProcessorTime>>;

/** Reads the processor time of a system at the marks `begin` and `end` of a job. */
export function observeBlock(system: System): { onMark(name: string): void; times(): GroupTimes } {
  const at: Record<string, GroupTimes> = {};
  return {
    onMark(name) {
      if (HAS_PROC) at[name] = timesOf(system);
    },
    times: () => difference(at['begin'] ?? {}, at['end'] ?? {}),
  };
}

function timesOf(system: System): GroupTimes {
  const groups = Object.entries(system.processes());
  return Object.fromEntries(groups.map(([group, pids]) => [group, processorTime(pids)]));
}

function difference(before: GroupTimes, after: GroupTimes): GroupTimes {
  return Object.fromEntries(
    Object.entries(after).map(([group, { totalMs, threads }]) => {
      const earlier = before[group] ?? { totalMs: 0, threads: {} };
      const byThread = Object.entries(threads).map(([name, ms]) => [name, ms - (earlier.threads[name] ?? 0)] as const);
      return [group, { totalMs: totalMs - earlier.totalMs, threads: Object.fromEntries(byThread) }];
    }),
  );
}

/** Processor time of all groups, in ms. NaN when none was read. */
export function totalMsOf(times: GroupTimes): number {
  const all = Object.values(times);
  return all.length === 0 ? Number.NaN : all.reduce((sum, { totalMs }) => sum + totalMs, 0);
}
