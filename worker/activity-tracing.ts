import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { sessionKeyOf } from '../contracts/session/session-key.ts';
import { traceparentIn } from '../telemetry/temporal-client-tracing.ts';
import type { Tracing } from '../telemetry/tracing.ts';

/** A span for each try of an activity, under the request that caused it. */
export function activityTracing(tracing: Tracing): ActivityInterceptorsFactory[] {
  if (!tracing.on) return [];
  return [
    ({ info }) => ({
      inbound: {
        execute(input, next) {
          const [called] = input.args as [{ readonly runId?: unknown }?];
          const attributes = {
            'gen_ai.conversation.id': sessionOf(info.workflowExecution?.workflowId),
            'perdure.run.id': typeof called?.runId === 'string' ? called.runId : undefined,
            'perdure.attempt': info.attempt,
          };
          const parent = traceparentIn(input.headers);
          return tracing.span(info.activityType, { kind: 'internal', attributes, parent }, () => next(input));
        },
      },
    }),
  ];
}

/** The workflow id names the user too, who is left out. */
function sessionOf(workflowId: string | undefined): string | undefined {
  try {
    return workflowId === undefined ? undefined : sessionKeyOf(workflowId).session;
  } catch {
    return undefined;
  }
}
