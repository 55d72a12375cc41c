import { z } from 'zod';

/** A running workflow that was started by a tool of a session. */
export const childWorkflowSchema = z.object({
  workflowId: z.string(),
  /** The workflow's type. */
  type: z.string(),
  taskQueue: z.string(),
  /** The tool that started the workflow. */
  tool: z.string(),
  /** The run in which the tool was called. */
  runId: z.string(),
  /** When the current execution started. Continue-as-new starts another. ISO 8601 UTC. */
  startedAt: z.string(),
});
export type ChildWorkflow = z.infer<typeof childWorkflowSchema>;

/** A child workflow as recorded in the store before its start. Only Temporal has its status. */
export type RecordedChild = Omit<ChildWorkflow, 'startedAt'>;

/** What becomes of a child workflow when its session ends. */
export type OnSessionEnd = 'cancel' | 'leave';
