import type { BudgetFacts } from '../../contracts/budget.ts';
import { ERRORS, isErrorCode, PerdureError } from '../../contracts/errors.ts';
import type { ErrorCode } from '../../contracts/errors.ts';

/** No gateway answers at `url`. */
export class GatewayUnreachableError extends Error {
  override readonly name = 'GatewayUnreachableError';
  readonly url: string;

  constructor(url: string, cause?: unknown) {
    super(`No gateway answers at ${url}. Start one with \`npm start\`, or name another with --url or PERDURE_URL.`, {
      cause,
    });
    this.url = url;
  }
}

/** The error that an answer which is not 2xx stands for. Reads the body. */
export async function readProblem(response: Response): Promise<PerdureError> {
  const body = await readJson(response);
  const code = isErrorCode(body?.['code']) ? body['code'] : codeOf(response.status);
  const detail = typeof body?.['detail'] === 'string' ? body['detail'] : `The gateway answered ${response.status}.`;
  const requestId = body?.['requestId'];
  const traced = code === 'internal' && typeof requestId === 'string' ? `${detail} (request ${requestId})` : detail;
  const budget = body?.['budget'] as BudgetFacts | undefined;
  return new PerdureError(code, traced, { retryAfterMs: retryAfterMsOf(response.headers), budget });
}

/** `Retry-After` as the gateway sends it: whole seconds. */
function retryAfterMsOf(headers: Headers): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}

async function readJson(response: Response): Promise<Record<string, unknown> | undefined> {
  try {
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Of an answer without one of our codes, from a proxy in between perhaps: the first code with its status. */
function codeOf(status: number): ErrorCode {
  if (status === 429) return 'rate_limited';
  if (status >= 500) return 'internal';
  const found = Object.entries(ERRORS).find(([, error]) => error.httpStatus === status);
  return found === undefined ? 'internal' : (found[0] as ErrorCode);
}
