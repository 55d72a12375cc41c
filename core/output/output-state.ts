import type { JsonObject } from '../../contracts/json.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';

/** What a run's events state about its structured answer. */
export interface OutputState {
  /** The schema that a message of the run has; null if none has one. */
  readonly schema: JsonObject | null;
  /** Repairs since the run started, or was last resumed. */
  readonly repairs: number;
  /** Whether the newest answer since then is rejected, and no repair follows. */
  readonly failed: boolean;
}

/** Reads the {@link OutputState} from the events of one run. `startedSeq`: the `seq` of its latest `run.started`. */
export function outputState(events: readonly PerdureEvent[], startedSeq: number): OutputState {
  let schema: JsonObject | null = null;
  let repairs = 0;
  let failed = false;
  for (const event of events) {
    if (event.type === 'message.received') schema = event.output?.schema ?? schema;
    if (event.type !== 'message.completed' || event.seq <= startedSeq) continue;
    const { rejected } = event;
    if (rejected && rejected.repair !== null) repairs += 1;
    failed = rejected !== undefined && rejected.repair === null;
  }
  return { schema, repairs, failed };
}
