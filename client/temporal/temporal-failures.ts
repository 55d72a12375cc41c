import {
  isGrpcServiceError,
  ServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure, NamespaceNotFoundError } from '@temporalio/common';
import type { BudgetFacts } from '../../contracts/budget.ts';
import { isErrorCode, PerdureError } from '../../contracts/errors.ts';

/** gRPC status codes that are branched on, as the gRPC specification numbers them. */
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

/** What a failed call to Temporal means for the next step of its sender. */
export type CallFailure =
  /** Nobody answered in time: no worker polls, or it is overloaded, or the server is away. */
  | { readonly kind: 'no_answer' }
  /** The workflow ended under the call; the same call may be made again. */
  | { readonly kind: 'closed_under_call' }
  /** No workflow runs under this id. */
  | { readonly kind: 'no_workflow' }
  /** Said by the workflow or by Temporal; final. */
  | { readonly kind: 'error'; readonly error: PerdureError };

/** Reads an error of the Temporal client. */
export function readFailure(error: unknown): CallFailure {
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
  const grpc = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(grpc)) return readGrpcStatus(grpc.code, grpc.details ?? '', error);
  return fail('internal', 'The call to Temporal failed in a way that is not known.', error);
}

function readUpdateFailure(error: WorkflowUpdateFailedError): CallFailure {
  const failure = error.cause;
  if (!(failure instanceof ApplicationFailure)) return fail('internal', 'The session failed to answer.', error);
  // The server's own failure for an update whose workflow ended before it was answered.
  if (failure.type === 'AcceptedUpdateCompletedWorkflow') return { kind: 'closed_under_call' };
  if (!isErrorCode(failure.type)) return fail('internal', 'The session failed to answer.', error);
  const details = failure.details?.[0] as { retryAfterMs?: unknown; budget?: BudgetFacts } | undefined;
  const retryAfterMs = typeof details?.retryAfterMs === 'number' ? details.retryAfterMs : undefined;
  const told = { cause: error, retryAfterMs, budget: details?.budget };
  return { kind: 'error', error: new PerdureError(failure.type, failure.message, told) };
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
      // An execution takes only so many updates in its life; a signal still reaches it.
      if (/update/i.test(details)) return { kind: 'no_answer' };
      break;
    case GRPC.invalidArgument:
      if (/size|large/i.test(details))
        return fail('too_large', `Temporal finds the request too large: ${details}`, cause);
      return fail('invalid_request', `Temporal refuses the request: ${details}`, cause);
    case GRPC.resourceExhausted:
      if (/larger than max/i.test(details)) return fail('too_large', 'Temporal finds the request too large.', cause);
      return fail('rate_limited', 'Temporal takes no more requests just now. Try again later.', cause);
    case GRPC.unauthenticated:
      return fail('unauthenticated', 'Temporal does not accept the credential. Check TEMPORAL_API_KEY.', cause);
    case GRPC.permissionDenied:
      return fail('forbidden', 'Temporal does not allow this credential to reach the namespace.', cause);
    case GRPC.unavailable:
      return fail('temporal_unavailable', TEMPORAL_AWAY, cause);
  }
  return fail('internal', `Temporal answered with the unexpected gRPC status ${code}.`, cause);
}

/** Told when the server itself does not answer. */
export const TEMPORAL_AWAY = 'Temporal does not answer. Check TEMPORAL_ADDRESS and that the server runs.';

function fail(code: PerdureError['code'], message: string, cause: unknown): CallFailure {
  return { kind: 'error', error: new PerdureError(code, message, { cause }) };
}
