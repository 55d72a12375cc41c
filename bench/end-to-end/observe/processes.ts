import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

// Processor time and memory of processes, from /proc. On a system without it there are none.

/** Processor time of a process in ms. */
export interface ProcessorTime {
  readonly totalMs: number;
  /** By thread name; threads of one name are added up. Those that have ended are missing. */
  readonly threads: Readonly<Record<string, number>>;
}

/** Whether this system has `/proc`. */
export const HAS_PROC = process.platform === 'linux';

const TICKS_PER_SECOND = HAS_PROC ? Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) : Number.NaN;

/** A process and its descendants that run now, except those below `except`. */
export function processTree(root: number, except: readonly number[] = []): number[] {
  if (!HAS_PROC) return [];
  const parents = new Map(
    pids().flatMap((pid) => ifRunning(() => [[pid, statOf(`/proc/${pid}`).parent]] as [number, number][])),
  );
  const below = (pid: number): number[] =>
    except.includes(pid)
      ? []
      : [pid, ...[...parents].filter(([, parent]) => parent === pid).flatMap(([p]) => below(p))];
  return below(root);
}

/** Processor time of the processes, including their children that have ended. */
export function processorTime(processes: readonly number[]): ProcessorTime {
  const threads: Record<string, number> = {};
  let totalMs = 0;
  for (const pid of processes) {
    for (const { cpuMs } of ifRunning(() => [statOf(`/proc/${pid}`)])) totalMs += cpuMs;
    for (const thread of ifRunning(() => readdirSync(`/proc/${pid}/task`))) {
      for (const { name, ownCpuMs } of ifRunning(() => [statOf(`/proc/${pid}/task/${thread}`)])) {
        const key = Number(thread) === pid ? 'main' : name;
        threads[key] = (threads[key] ?? 0) + ownCpuMs;
      }
    }
  }
  return { totalMs, threads };
}

/** Resident memory of the processes in MiB. Memory that several processes share, such as PostgreSQL's, is divided between them. */
export function residentMiB(processes: readonly number[]): number {
  const kiB = processes.length === 1 ? residentKiB : (pid: number) => proportionalKiB(pid) ?? residentKiB(pid);
  return processes.reduce((sum, pid) => sum + kiB(pid) / 1_024, 0);
}

function proportionalKiB(pid: number): number | undefined {
  const [text] = ifRunning(() => [readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')]);
  const [, pss] = /^Pss:\s+(\d+) kB/m.exec(text ?? '') ?? [];
  return pss === undefined ? undefined : Number(pss);
}

function residentKiB(pid: number): number {
  const [text] = ifRunning(() => [readFileSync(`/proc/${pid}/status`, 'utf8')]);
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text ?? '')?.[1] ?? 0);
}

function pids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

interface Stat {
  readonly name: string;
  readonly parent: number;
  /** Of the thread or process alone. */
  readonly ownCpuMs: number;
  /** With children that have ended. */
  readonly cpuMs: number;
}

/** Fields are numbered as in proc_pid_stat(5). The name, in parentheses, may contain spaces. */
function statOf(folder: string): Stat {
  const text = readFileSync(`${folder}/stat`, 'utf8');
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  return {
    name: text.slice(text.indexOf('(') + 1, end),
    parent: field(4),
    ownCpuMs: toMs(field(14) + field(15)),
    cpuMs: toMs(field(14) + field(15) + field(16) + field(17)),
  };
}

function toMs(ticks: number): number {
  return (ticks / TICKS_PER_SECOND) * 1_000;
}

/** Nothing for a process or thread that has ended, or that may not be read. */
function ifRunning<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch {
    return [];
  }
}
