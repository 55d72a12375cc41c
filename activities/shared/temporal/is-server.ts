/** An activity that serves a session, by its ids in Temporal. */
export interface ServingActivity {
  readonly workflowId: string;
  /** Run id of the workflow execution. */
  readonly executionId: string;
  readonly activityId: string;
}

/** Returns whether the workflow has started no other activity since that serves the session. Rejects if Temporal does not respond. */
export type IsServer = (activity: ServingActivity) => Promise<boolean>;
