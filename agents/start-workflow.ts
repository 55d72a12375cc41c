export interface StartWorkflowOptions {
  /** The task queue of the workers of this workflow: yours, not Perdure's. */
  readonly taskQueue: string;
  /** JSON, at most 512 KiB (`childArgumentsBytes`). */
  readonly args?: readonly unknown[];
  /** Distinguishes the workflows that one call starts: 1 to 64 letters, digits, `.`, `_`, `-`. Required from the second on. */
  readonly name?: string;
  /** Execution timeout in ms. Default: none. */
  readonly timeoutMs?: number;
  /** Whether it is cancelled when the session ends, expires, or is archived or deleted. Default `leave`. */
  readonly onSessionEnd?: 'cancel' | 'leave';
}

/** A workflow started by a tool. It keeps running after the call and the run have ended, and after the session unless `onSessionEnd` is `cancel`. */
export interface StartedWorkflow {
  /** The same for every attempt of the call. */
  readonly workflowId: string;
  /** Waits for its result; rejects with a `ToolError` when it fails. `signal` stops the wait; default: the signal of the call. */
  readonly result: (signal?: AbortSignal) => Promise<unknown>;
  /** Requests its cancellation. */
  readonly cancel: () => Promise<void>;
}

/**
 * Starts a Temporal workflow of any type, once for each call and `name`: later attempts of the call return the workflow
 * that the first one started, running or closed. The snapshot of the session lists it in `children` while it runs.
 * Rejects with a `ToolError` for invalid options and when a limit is exceeded, and with a retryable error when Temporal
 * is unavailable.
 */
export type StartWorkflow = (type: string, options: StartWorkflowOptions) => Promise<StartedWorkflow>;
