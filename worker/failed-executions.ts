import type { LogMetadata } from '@temporalio/common';

/** The message with which the SDK's core logs that a workflow task failed, with the execution as `runId`. */
const FAILED = 'Failing workflow task';
/** Maximum number of remembered executions. One that keeps failing is logged again. */
const MAX_REMEMBERED = 1_000;

/**
 * The executions whose workflow task failed in this process. The SDK's log is the only source: an idle session has no open
 * run in the store by which it could be detected.
 */
export class FailedExecutions {
  readonly #ids = new Set<string>();

  /** Reads one entry of the SDK's log. */
  observe(message: string, meta: LogMetadata = {}): void {
    if (message === FAILED && typeof meta['runId'] === 'string') this.add(meta['runId']);
  }

  add(executionId: string): void {
    if (this.#ids.size < MAX_REMEMBERED) this.#ids.add(executionId);
  }

  /** Returns the executions remembered since the last call, and forgets them. */
  drain(): string[] {
    const ids = [...this.#ids];
    this.#ids.clear();
    return ids;
  }
}
