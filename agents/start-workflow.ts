/** What a tool starts a workflow with. */
export interface StartWorkflowOptions {
  /** The queue that the workers of this workflow poll: yours, not Perdure's. */
  readonly taskQueue: string;
  /** JSON. At most 512 KiB (`childArgumentsBytes`). */
  readonly args?: readonly unknown[];
  /** Tells several that one call starts apart: 1 to 64 letters, digits, `.`, `_`, `-`. Needed from the second on. */
  readonly name?: string;
  /** How long it may take, in ms. Default: for ever. */
  readonly timeoutMs?: number;
}

/** A workflow that a tool has started. It goes on when the call, the run or the session ends. */
export interface StartedWorkflow {
  /** The same for every try of the call. */
  readonly workflowId: string;
  /** Its result, once it is over; rejects with a `ToolError` when it did not complete. `signal` stops the waiting; default: the call's. */
  readonly result: (signal?: AbortSignal) => Promise<unknown>;
  /** Asks it to cancel. */
  readonly cancel: () => Promise<void>;
}

/**
 * Starts a Temporal workflow of any type, once for each call and `name`: another try of the call finds the one that the
 * first try started, running or over. While it runs the session lists it (`children` of its snapshot). Rejects with a
 * `ToolError` for options that are not valid and over the limits, and with an error that may pass when Temporal does
 * not answer.
 */
export type StartWorkflow = (type: string, options: StartWorkflowOptions) => Promise<StartedWorkflow>;
