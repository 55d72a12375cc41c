import { PerdureError } from '../contracts/errors.ts';
import { EXIT, exitCodeOf } from './shared/exit-codes.ts';

/** An error for programs: its code, its words, and what else is known of it. A refusal has the gateway's code; others are named after their exit code. */
export function errorJson(error: unknown): Record<string, unknown> {
  const detail = error instanceof Error ? error.message : String(error);
  if (!(error instanceof PerdureError)) return { code: NAMES[exitCodeOf(error)] ?? 'failed', detail };
  const { code, retryAfterMs, budget } = error;
  return { code, detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...(budget ? { budget } : {}) };
}

const NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(EXIT).map(([name, code]) => [code, name]),
);
