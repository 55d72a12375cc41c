import type { LogMetadata } from '@temporalio/common';

/** How the SDK's core says that a workflow task failed, with the execution as `runId`. */
const FAILED = 'Failing workflow task';
/** Remembered at most; an execution that keeps failing is told of again. */
const MOST = 1_000;

/**
 * The executions of which a workflow task failed in this process. Nobody but the SDK's log tells of them: an idle session
 * has no run in the store that stands still.
 */
export class FailedExecutions {
  readonly #ids = new Set<string>();

  hear(message: string, meta: LogMetadata = {}): void {
    if (message === FAILED && typeof meta['runId'] === 'string') this.add(meta['runId']);
  }

  add(executionId: string): void {
    if (this.#ids.size < MOST) this.#ids.add(executionId);
  }

  /** Those heard of since it was last asked. */
  take(): string[] {
    const ids = [...this.#ids];
    this.#ids.clear();
    return ids;
  }
}
