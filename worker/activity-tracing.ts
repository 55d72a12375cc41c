import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { SERVING_ACTIVITY } from '../contracts/names.ts';
import { sessionKeyOf } from '../contracts/session/session-key.ts';
import { traceparentIn } from '../telemetry/temporal-client-tracing.ts';
import type { Tracing } from '../telemetry/tracing.ts';

/** Interceptors that record a span for each attempt of an activity, as a child of the request that caused it. */
export function activityTracing(tracing: Tracing): ActivityInterceptorsFactory[] {
  if (!tracing.on) return [];
  return [
    ({ info }) => ({
      inbound: {
        execute(input, next) {
          const [argument] = input.args as [{ readonly runId?: unknown }?];
          const attributes = {
            'gen_ai.conversation.id': sessionOf(info.workflowExecution?.workflowId),
            'perdure.run.id': typeof argument?.runId === 'string' ? argument.runId : undefined,
            'perdure.attempt': info.attempt,
          };
          const parent = traceparentIn(input.headers);
          // It records a span for each run that it executes.
          if (info.activityType === SERVING_ACTIVITY) return tracing.within(parent, () => next(input));
          return tracing.span(info.activityType, { kind: 'internal', attributes, parent }, () => next(input));
        },
      },
    }),
  ];
}

/** The session id in a workflow id. The user in it is personal data and stays out of traces. */
function sessionOf(workflowId: string | undefined): string | undefined {
  try {
    return workflowId === undefined ? undefined : sessionKeyOf(workflowId).session;
  } catch {
    return undefined;
  }
}
