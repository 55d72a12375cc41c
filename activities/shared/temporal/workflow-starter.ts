import type { StartedWorkflow } from '../../../agents/start-workflow.ts';

/** Starts workflows in Temporal for tools. */
export interface WorkflowStarter {
  /** Starts a workflow, or returns the one that was already started under its id, running or ended. */
  start(workflow: WorkflowToStart): Promise<StartedWorkflow>;
  /** Requests the cancellation of a workflow. Does nothing if it is not running. */
  cancel(workflowId: string): Promise<void>;
  /** The ids whose workflow has ended (`over`), and those that have none (`absent`). */
  ended(workflowIds: readonly string[]): Promise<{ readonly over: string[]; readonly absent: string[] }>;
}

export interface WorkflowToStart {
  readonly workflowId: string;
  readonly type: string;
  readonly taskQueue: string;
  readonly args: readonly unknown[];
  readonly timeoutMs: number | undefined;
  /** Stored in the workflow's memo. `session`: the workflow id of the session or of the one-off run. */
  readonly startedBy: { readonly session: string; readonly run: string; readonly tool: string };
}
