import { PerdureError } from '../contracts/errors.ts';
import { errorMessage } from './shared/error-message.ts';
import { EXIT, exitCodeOf } from './shared/exit-codes.ts';

/** An error as JSON: code, message and details. A refused request has the code of the gateway; other errors have the name of their exit code. */
export function errorJson(error: unknown, env: NodeJS.ProcessEnv): Record<string, unknown> {
  const detail = errorMessage(error, env);
  if (!(error instanceof PerdureError)) return { code: NAMES[exitCodeOf(error)] ?? 'failed', detail };
  const { code, retryAfterMs, budget } = error;
  return { code, detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...(budget ? { budget } : {}) };
}

const NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(EXIT).map(([name, code]) => [code, name]),
);
