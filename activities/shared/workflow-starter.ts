import type { StartedWorkflow } from '../../agents/start-workflow.ts';

/** Starts workflows in Temporal. */
export interface WorkflowStarter {
  /** Starts a workflow, or finds the one that was started under its id before, running or over. */
  start(workflow: WorkflowToStart): Promise<StartedWorkflow>;
  /** Those of the ids whose workflow is over, and those that have none. */
  ended(workflowIds: readonly string[]): Promise<{ readonly over: string[]; readonly absent: string[] }>;
}

export interface WorkflowToStart {
  readonly workflowId: string;
  readonly type: string;
  readonly taskQueue: string;
  readonly args: readonly unknown[];
  readonly timeoutMs: number | undefined;
  /** Kept with the workflow; `session` is the workflow id of the session or of the run without one. */
  readonly startedBy: { readonly session: string; readonly run: string; readonly tool: string };
}
