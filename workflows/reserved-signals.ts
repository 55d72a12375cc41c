import type { WorkflowInterceptors } from '@temporalio/workflow';

/** Names that Temporal keeps for itself. */
const RESERVED = '__temporal_';

/**
 * Lets a signal with one of Temporal's own names reach the default handler as any unknown one does: the SDK throws
 * instead, which would fail the workflow's task for ever, and anyone may send such a signal.
 */
export const interceptors = (): WorkflowInterceptors => ({
  internals: [
    {
      activate(input, next) {
        for (const { signalWorkflow } of input.activation.jobs ?? []) {
          if (signalWorkflow?.signalName?.startsWith(RESERVED)) {
            signalWorkflow.signalName = `reserved ${signalWorkflow.signalName}`;
          }
        }
        next(input);
      },
    },
  ],
});
