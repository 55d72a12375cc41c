import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import type { ModelRequest } from '../model-client.ts';

/** One model call that began, as a line of JSON in the call log. It carries nothing of the conversation. */
export interface ScriptedLogLine {
  readonly at: string;
  readonly pid: number;
  readonly model: string;
  /** Of the whole request: tries of one call have the same. */
  readonly digest: string;
  /** The model call since the newest user message, from 1. */
  readonly step: number;
  /** What `@mark` said in that message. */
  readonly mark: string | null;
}

/** Calls that began. Kept in a file across processes, or in this one when there is no file. */
export interface ScriptedLog {
  /** Notes a call, before anything of it happens. */
  begin(call: Omit<ScriptedLogLine, 'at' | 'pid'>): void;
  /** How often a call was noted. */
  count(digest: string): number;
}

/** Calls whose tries a process without a log file remembers. */
const REMEMBERED = 10_000;

export function createScriptedLog(path: string | undefined): ScriptedLog {
  const counts = new Map<string, number>();
  return {
    begin: (call) => {
      if (path) {
        const line: ScriptedLogLine = { at: new Date().toISOString(), pid: process.pid, ...call };
        appendFileSync(path, `${JSON.stringify(line)}\n`);
        return;
      }
      counts.set(call.digest, (counts.get(call.digest) ?? 0) + 1);
      const oldest = counts.size > REMEMBERED ? counts.keys().next().value : undefined;
      if (oldest !== undefined) counts.delete(oldest);
    },
    count: (digest) => {
      if (!path) return counts.get(digest) ?? 0;
      return readFileSync(path, 'utf8').split(`"digest":"${digest}"`).length - 1;
    },
  };
}

export function digestOf(request: ModelRequest): string {
  return createHash('sha256').update(JSON.stringify(request)).digest('hex').slice(0, 32);
}
