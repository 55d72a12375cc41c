import { ERRORS, PerdureError } from '../../contracts/errors.ts';
import type { Problem } from '../../contracts/problem.ts';

/** `Retry-After` of a 503 whose duration is unknown, in seconds. */
const UNAVAILABLE_RETRY_S = 1;

/** The problem response for an error. Errors other than {@link PerdureError} become `internal`. The message of an `internal` error is in the log only. */
export function problemResponse(error: unknown, requestId: string): Response {
  const known = error instanceof PerdureError ? error : undefined;
  const code = known?.code ?? 'internal';
  const { httpStatus, title } = ERRORS[code];
  const problem: Problem = {
    type: `urn:perdure:problem:${code}`,
    title,
    status: httpStatus,
    code,
    detail:
      known === undefined || code === 'internal'
        ? `The gateway failed to process this request. Search its log for ${requestId}.`
        : known.message,
    requestId,
    ...(known?.budget ? { budget: known.budget } : {}),
  };
  const headers = new Headers({ 'content-type': 'application/problem+json' });
  const retryAfter = retryAfterSeconds(known, httpStatus);
  if (retryAfter !== undefined) headers.set('retry-after', String(retryAfter));
  if (code === 'unauthenticated') headers.set('www-authenticate', 'Bearer');
  return new Response(JSON.stringify(problem), { status: httpStatus, headers });
}

function retryAfterSeconds(error: PerdureError | undefined, httpStatus: number): number | undefined {
  if (error?.retryAfterMs !== undefined) return Math.max(1, Math.ceil(error.retryAfterMs / 1_000));
  return httpStatus === 503 ? UNAVAILABLE_RETRY_S : undefined;
}
