import { z } from 'zod';

/** A workflow that a tool of a session has started and that Temporal says is running. */
export const childWorkflowSchema = z.object({
  workflowId: z.string(),
  /** The workflow's type. */
  type: z.string(),
  taskQueue: z.string(),
  /** The tool that started it, and the run in which it did. */
  tool: z.string(),
  runId: z.string(),
  /** When its execution began; one that continues as new begins again. */
  startedAt: z.string(),
});
export type ChildWorkflow = z.infer<typeof childWorkflowSchema>;

/** What the store knows of such a workflow: that it was to be started, not whether it runs. */
export type RecordedChild = Omit<ChildWorkflow, 'startedAt'>;
