import type { WorkflowInterceptors } from '@temporalio/workflow';

/** Prefix of the signal names that Temporal reserves. */
const RESERVED_PREFIX = '__temporal_';

/**
 * Renames signals with a reserved name, so that the default handler gets them like any other unknown signal. The SDK
 * throws on them, which would fail the workflow task for ever, and any Temporal client can send one.
 */
export const interceptors = (): WorkflowInterceptors => ({
  internals: [
    {
      activate(input, next) {
        for (const { signalWorkflow } of input.activation.jobs ?? []) {
          if (signalWorkflow?.signalName?.startsWith(RESERVED_PREFIX)) {
            signalWorkflow.signalName = `reserved ${signalWorkflow.signalName}`;
          }
        }
        next(input);
      },
    },
  ],
});
