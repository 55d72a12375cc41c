import type { BudgetFacts } from '../../contracts/budget.ts';
import { ERRORS, isErrorCode, PerdureError } from '../../contracts/errors.ts';
import type { ErrorCode } from '../../contracts/errors.ts';
import { readText } from './read-text.ts';

/** Above every problem document; a longer body comes from something else and is not read further. */
const MAX_PROBLEM_BYTES = 1024 * 1024;

/** Returns the error of a response with a status other than 2xx. Reads the body. */
export async function readProblem(response: Response): Promise<PerdureError> {
  const body = await readJsonObject(response);
  const code = isErrorCode(body?.['code']) ? body['code'] : codeOf(response.status);
  const detail = typeof body?.['detail'] === 'string' ? body['detail'] : `The gateway returned ${response.status}.`;
  const requestId = body?.['requestId'];
  const message = code === 'internal' && typeof requestId === 'string' ? `${detail} (request ${requestId})` : detail;
  const budget = body?.['budget'] as BudgetFacts | undefined;
  return new PerdureError(code, message, { retryAfterMs: retryAfterMsOf(response.headers), budget });
}

/** `Retry-After` in whole seconds, the only form that the gateway sends. */
function retryAfterMsOf(headers: Headers): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}

async function readJsonObject(response: Response): Promise<Record<string, unknown> | undefined> {
  try {
    const body: unknown = JSON.parse(await readText(response, MAX_PROBLEM_BYTES));
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The first code with this status, for a response without a known code, such as a proxy's. */
function codeOf(status: number): ErrorCode {
  if (status === 429) return 'rate_limited';
  if (status >= 500) return 'internal';
  const found = Object.entries(ERRORS).find(([, error]) => error.httpStatus === status);
  return found === undefined ? 'internal' : (found[0] as ErrorCode);
}
