import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { LRUCache } from 'lru-cache';
import type { ModelRequest } from '../model-client.ts';

/** A line of the call log: one model call that began. Contains nothing of the conversation. */
export interface ScriptedLogLine {
  readonly at: string;
  readonly pid: number;
  readonly model: string;
  /** The hash of the request. Attempts of one call have the same. */
  readonly digest: string;
  /** The model call since the newest user message, from 1. */
  readonly step: number;
  /** The value of `@mark` in that message. */
  readonly mark: string | null;
}

/** Counts the attempts of calls: in a file shared by processes, or in memory without one. */
export interface ScriptedLog {
  /** Records a call before it starts. */
  record(call: Omit<ScriptedLogLine, 'at' | 'pid'>): void;
  /** The number of recorded attempts of a call. */
  count(digest: string): number;
}

/** The number of calls that are counted in memory. */
const MAX_CALLS = 10_000;

export function createScriptedLog(path: string | undefined): ScriptedLog {
  const counts = new LRUCache<string, number>({ max: MAX_CALLS });
  return {
    record: (call) => {
      if (path) {
        const line: ScriptedLogLine = { at: new Date().toISOString(), pid: process.pid, ...call };
        appendFileSync(path, `${JSON.stringify(line)}\n`);
        return;
      }
      counts.set(call.digest, (counts.get(call.digest) ?? 0) + 1);
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
