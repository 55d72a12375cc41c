import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The log file of a server. */
export interface ServerLog {
  readonly path: string;
  write(text: string): void;
  /** Its last lines, or the beginning of the last panic, for an error message. */
  tail(): string;
  /** Stops limiting its size; removes a temporary file. */
  close(): void;
}

const MAX_BYTES = 16 * 1024 * 1024;
const CHECK_INTERVAL_MS = 30_000;
const TAIL_LINES = 10;

/**
 * Opens `temporal.log` in the data folder, emptied first if `fresh`, or a temporary file. The file is truncated when it
 * exceeds 16 MiB; the server appends, so it then continues at the beginning.
 */
export function openServerLog(dataDir: string | null, fresh: boolean): ServerLog {
  const temporary = dataDir === null;
  const path = join(dataDir ?? mkdtempSync(join(tmpdir(), 'perdure-temporal-')), 'temporal.log');
  if (fresh) writeFileSync(path, '', { mode: 0o600 });
  const timer = setInterval(() => {
    if (sizeOf(path) > MAX_BYTES) truncateSync(path);
  }, CHECK_INTERVAL_MS).unref();
  return {
    path,
    write: (text) => appendFileSync(path, text),
    tail: () => tailOf(readFileSync(path, 'utf8')),
    close() {
      clearInterval(timer);
      if (temporary) rmSync(dirname(path), { recursive: true, force: true });
    },
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
