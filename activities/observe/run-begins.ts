import { LRUCache } from 'lru-cache';
import { parse, version } from 'uuid';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import { endsRun } from '../../contracts/events/event-traits.ts';
import { workflowIdOf, type SessionKey } from '../../contracts/session/session-key.ts';
import type { BegunRuns } from '../../core/load/load-window.ts';
import type { CommitObserver } from '../../telemetry/commit-observer.ts';

/** Sessions whose last end of a run is remembered. */
const SESSIONS = 20_000;

/**
 * Counts the runs that a worker begins, and how long each waited since it was the first in its session: since its admission, or
 * since the end of the run before it. Gateways read the sums with the worker's lease.
 */
export class RunBegins {
  #runs = 0;
  #measured = 0;
  #waitedMs = 0;
  /** When the last run of a session ended, in epoch ms. */
  readonly #endedAt = new LRUCache<string, number>({ max: SESSIONS });

  /** The sums since the worker was started. */
  read(): BegunRuns {
    return { runs: this.#runs, measured: this.#measured, waitedMs: this.#waitedMs };
  }

  /** An observer that also counts here. */
  observing(commits: CommitObserver): CommitObserver {
    return {
      setAgent: (key, agent) => commits.setAgent(key, agent),
      record: (key, events) => {
        for (const event of events) this.#count(key, event);
        commits.record(key, events);
      },
    };
  }

  #count(key: SessionKey, event: PerdureEvent): void {
    if (endsRun(event.type)) this.#endedAt.set(workflowIdOf(key), Date.parse(event.at));
    if (event.type !== 'run.started') return;
    this.#runs += 1;
    const admittedAt = timeIn(event.runId);
    if (admittedAt === null) return;
    const firstSince = Math.max(admittedAt, this.#endedAt.get(workflowIdOf(key)) ?? admittedAt);
    this.#measured += 1;
    this.#waitedMs += Math.max(0, Date.parse(event.at) - firstSince);
  }
}

/** The time of an id of UUID version 7, in epoch ms; null for ids of runs without a session. */
function timeIn(runId: string): number | null {
  try {
    return version(runId) === 7 ? Buffer.from(parse(runId)).readUIntBE(0, 6) : null;
  } catch {
    return null;
  }
}
