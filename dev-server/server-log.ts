import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The log of a server. */
export interface ServerLog {
  /** Null: in memory. */
  readonly path: string | null;
  write(text: string): void;
  /** Its last lines, or the beginning of the last panic, for an error message. */
  tail(): string;
  /** Stops limiting its size. */
  close(): void;
}

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_CHARS_IN_MEMORY = 64 * 1024;
const CHECK_INTERVAL_MS = 30_000;
const TAIL_LINES = 10;

/**
 * Opens `temporal.log` in the data folder, emptied first if `fresh`; without a folder, a log in memory. The file is truncated when it
 * exceeds 16 MiB; the server appends, so it then continues at the beginning.
 */
export function openServerLog(dataDir: string | null, fresh: boolean): ServerLog {
  if (dataDir === null) return logInMemory();
  const path = join(dataDir, 'temporal.log');
  if (fresh) writeFileSync(path, '', { mode: 0o600 });
  const timer = setInterval(() => {
    if (sizeOf(path) > MAX_BYTES) truncateSync(path);
  }, CHECK_INTERVAL_MS).unref();
  return {
    path,
    write: (text) => appendFileSync(path, text),
    tail: () => tailOf(readFileSync(path, 'utf8')),
    close: () => clearInterval(timer),
  };
}

/** Keeps the end of the log. */
function logInMemory(): ServerLog {
  let text = '';
  return {
    path: null,
    write(more) {
      text = (text + more).slice(-MAX_CHARS_IN_MEMORY);
    },
    tail: () => tailOf(text),
    close: () => {},
  };
}

/** A panic prints its reason first, and then stacks that are longer than what an error message has room for. */
function tailOf(text: string): string {
  const lines = text.trimEnd().split('\n');
  const panic = lines.findLastIndex((line) => /^(panic|fatal error): /.test(line));
  return (panic < 0 ? lines.slice(-TAIL_LINES) : lines.slice(panic, panic + TAIL_LINES)).join('\n');
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
