import { monitorEventLoopDelay } from 'node:perf_hooks';

/** The load of a process of the benchmark, to show that it does not limit what it measures. */
export interface OwnLoad {
  /** Processor time in ms. */
  readonly cpuMs: number;
  readonly elapsedMs: number;
  /** The 99th percentile of how late the event loop ran, in ms. */
  readonly lagP99Ms: number;
}

/** The processor time of the load, in percent of one core. */
export function busyPercent({ cpuMs, elapsedMs }: OwnLoad): number {
  return (cpuMs / elapsedMs) * 100;
}

const RESOLUTION_MS = 5;

/** Observes this process. */
export function observeSelf(): { sinceLast(): OwnLoad } {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  let cpu = process.cpuUsage();
  let at = performance.now();
  return {
    sinceLast() {
      const { user, system } = process.cpuUsage(cpu);
      const now = performance.now();
      const lag = delays.count === 0 ? 0 : Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION_MS);
      const load = { cpuMs: (user + system) / 1_000, elapsedMs: now - at, lagP99Ms: lag };
      delays.reset();
      cpu = process.cpuUsage();
      at = now;
      return load;
    },
  };
}
