import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { baseEnv } from './child-env.ts';

/** Identifies a process even when its pid is reused. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Its start time in a format of the system, to be compared for equality only. Null where it is not available. */
  readonly startedAt: string | null;
}

export function identityOf(pid: number): ProcessIdentity {
  return { pid, startedAt: startTimeOf(pid) };
}

/** Whether the process still runs. A zombie does not. */
export function isRunning(process_: ProcessIdentity): boolean {
  try {
    process.kill(process_.pid, 0);
  } catch (error) {
    // EPERM: it runs as another user.
    if (!hasCode(error, 'EPERM')) return false;
  }
  if (process.platform === 'win32') return true;
  const startedAt = startTimeOf(process_.pid);
  return startedAt !== null && startedAt === process_.startedAt;
}

/**
 * Ends a process, which need not be a child: SIGTERM, then SIGKILL after `graceMs`. Resolves when it has ended; rejects
 * when the system refuses the signal.
 */
export async function endProcess(process_: ProcessIdentity, graceMs = 10_000): Promise<void> {
  const killAt = performance.now() + graceMs;
  let signal: NodeJS.Signals | undefined = 'SIGTERM';
  while (isRunning(process_)) {
    if (performance.now() >= killAt) signal = 'SIGKILL';
    if (signal !== undefined) sendSignal(process_.pid, signal);
    signal = undefined;
    await delay(25);
  }
}

/** Sends a signal. Does nothing if the process has ended. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** The start time of a process; null when it has ended or the system does not provide it. */
function startTimeOf(pid: number): string | null {
  if (process.platform === 'linux') return linuxStartTime(pid);
  if (process.platform === 'win32') return null;
  try {
    const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: 'pipe',
      env: baseEnv(process.env),
    });
    return text.startsWith('Z') ? null : text.trim().replace(/^\S+\s+/, '');
  } catch {
    return null;
  }
}

/** The fields of a process's status on Linux that follow its name: the state, the parent, the group, and so on. Throws when it has ended. */
export function linuxStatus(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // proc(5): the name in parentheses may contain anything.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function linuxStartTime(pid: number): string | null {
  try {
    // The start time is 19 fields after the state.
    const fields = linuxStatus(pid);
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return fields[0] === 'Z' || fields[0] === 'X' ? null : `${boot}/${fields[19]}`;
  } catch {
    return null;
  }
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
