import {
  isGrpcServiceError,
  ServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure, NamespaceNotFoundError } from '@temporalio/common';
import { UnreadablePayloadError } from '../../codec/readable-payloads.ts';
import type { BudgetFacts } from '../../contracts/budget.ts';
import { isErrorCode, PerdureError } from '../../contracts/errors.ts';

/** The gRPC status codes that matter here, as numbered by the gRPC specification. */
const GRPC = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** How the sender must handle a failed call to Temporal. */
export type CallFailure =
  /** No response in time: no worker polls, a worker is overloaded, or the server is down. */
  | { readonly kind: 'no_answer' }
  /** The workflow closed during the call; the call may be repeated. */
  | { readonly kind: 'closed_under_call' }
  /** No workflow runs under this id. */
  | { readonly kind: 'no_workflow' }
  /** A final error of the workflow or of Temporal. */
  | { readonly kind: 'error'; readonly error: PerdureError };

/** Classifies an error of the Temporal client. */
export function classifyFailure(error: unknown): CallFailure {
  if (error instanceof PerdureError) return { kind: 'error', error };
  if (error instanceof WorkflowUpdateFailedError) return readUpdateFailure(error);
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return { kind: 'no_answer' };
  if (error instanceof WorkflowNotFoundError) return { kind: 'no_workflow' };
  if (error instanceof NamespaceNotFoundError) {
    return fail(
      'temporal_unavailable',
      `Temporal has no namespace ${error.namespace}. Check TEMPORAL_NAMESPACE.`,
      error,
    );
  }
  if (error instanceof UnreadablePayloadError) return fail('internal', error.message, error);
  const grpc = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(grpc)) return readGrpcStatus(grpc.code, grpc.details ?? '', error);
  return fail('internal', 'The call to Temporal failed with an unknown error.', error);
}

function readUpdateFailure(error: WorkflowUpdateFailedError): CallFailure {
  const failure = error.cause;
  if (!(failure instanceof ApplicationFailure))
    return fail('internal', 'The session failed to process the request.', error);
  // The server's own failure type for an update whose workflow closed before the update completed.
  if (failure.type === 'AcceptedUpdateCompletedWorkflow') return { kind: 'closed_under_call' };
  if (!isErrorCode(failure.type)) return fail('internal', 'The session failed to process the request.', error);
  const details = failure.details?.[0] as { retryAfterMs?: unknown; budget?: BudgetFacts } | undefined;
  const retryAfterMs = typeof details?.retryAfterMs === 'number' ? details.retryAfterMs : undefined;
  const options = { cause: error, retryAfterMs, budget: details?.budget };
  return { kind: 'error', error: new PerdureError(failure.type, failure.message, options) };
}

function readGrpcStatus(code: number, details: string, cause: unknown): CallFailure {
  switch (code) {
    case GRPC.deadlineExceeded:
    case GRPC.cancelled:
      return { kind: 'no_answer' };
    case GRPC.notFound:
      return { kind: 'no_workflow' };
    case GRPC.aborted:
      return { kind: 'closed_under_call' };
    case GRPC.failedPrecondition:
      // The number of updates per execution is limited; signals still reach it.
      if (/update/i.test(details)) return { kind: 'no_answer' };
      break;
    case GRPC.invalidArgument:
      if (/size|large/i.test(details))
        return fail('too_large', `The request is too large for Temporal: ${details}`, cause);
      return fail('invalid_request', `Temporal rejected the request: ${details}`, cause);
    case GRPC.resourceExhausted:
      if (/larger than max/i.test(details))
        return fail('too_large', 'The request is too large for Temporal. Send less at once.', cause);
      return fail('rate_limited', 'Temporal limits the rate of requests. Try again later.', cause);
    case GRPC.unauthenticated:
    case GRPC.permissionDenied:
      return { kind: 'error', error: refusedCredential(code === GRPC.unauthenticated, cause) };
    case GRPC.unavailable:
      return fail('temporal_unavailable', TEMPORAL_UNREACHABLE, cause);
  }
  return fail('internal', `Temporal returned the unexpected gRPC status ${code}.`, cause);
}

/** The error for a credential that Temporal does not know, or does not let use the namespace. */
export function refusedCredential(isUnknown: boolean, cause: unknown): PerdureError {
  return isUnknown
    ? new PerdureError(
        'unauthenticated',
        'Temporal rejected the credential. Check TEMPORAL_API_KEY, or the client certificate.',
        { cause },
      )
    : new PerdureError(
        'forbidden',
        'Temporal denies this credential access to the namespace. Check TEMPORAL_NAMESPACE, and TEMPORAL_API_KEY or the client certificate.',
        { cause },
      );
}

/** The message when the server does not respond. */
export const TEMPORAL_UNREACHABLE = 'Temporal does not respond. Check TEMPORAL_ADDRESS and that the server is running.';

function fail(code: PerdureError['code'], message: string, cause: unknown): CallFailure {
  return { kind: 'error', error: new PerdureError(code, message, { cause }) };
}
