import { sessionKeyOf } from '../../contracts/session/session-key.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';

const HOUR_MS = 3_600_000;
/** Maximum number of executions that are reported once instead of at every check. */
const MAX_REPORTED = 1_000;

/**
 * The sessions whose workflow tasks keep failing, and how many of them may still be terminated. The bound is there for a
 * faulty deploy, which breaks the replay of every session: rolling back mends those that were not terminated.
 */
export class StuckWorkflows {
  readonly #log: Telemetry['log'];
  readonly #perHour: number;
  readonly #reported = new Map<string, string>();
  #terminatedAt: number[] = [];

  constructor(log: Telemetry['log'], perHour: number) {
    this.#log = log;
    this.#perHour = perHour;
  }

  /** Counts a termination; returns false when there were too many within the last hour. */
  mayTerminate(now = Date.now()): boolean {
    this.#terminatedAt = this.#terminatedAt.filter((at) => at > now - HOUR_MS);
    if (this.#terminatedAt.length >= this.#perHour) return false;
    this.#terminatedAt.push(now);
    return true;
  }

  /** Logs, once, that the workflow tasks of an execution fail. `cause`: Temporal's name of it, or `codec_key_missing`. */
  report(workflowId: string, cause: string): void {
    if (this.#reported.get(workflowId) === cause || this.#reported.size >= MAX_REPORTED) return;
    this.#reported.set(workflowId, cause);
    this.#log.error('Workflow tasks of a session fail', { session: sessionIn(workflowId), code: cause });
  }

  forget(workflowId: string): void {
    this.#reported.delete(workflowId);
  }
}

/** The session in a workflow id, which also contains the user. */
function sessionIn(workflowId: string): string | undefined {
  try {
    return sessionKeyOf(workflowId).session;
  } catch {
    return undefined;
  }
}
