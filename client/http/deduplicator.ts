import { endsRun } from '../../contracts/events/event-traits.ts';
import type { StreamEvent } from '../../contracts/events/event.ts';
import { trimDelta } from '../../core/text/apply-delta.ts';
import { EMPTY_TEXT_VIEW, foldText, isTextEvent, stepOf } from '../../core/text/text-view.ts';
import type { TextView } from '../../core/text/text-view.ts';

/** Drops events that were already received, across connections. */
export interface Deduplicator {
  /** The `seq` to resume after. */
  readonly lastSeq: number;
  /** The event, the new part of a delta, or undefined when nothing of it is new. */
  filter(event: StreamEvent): StreamEvent | undefined;
}

/** `after`: the highest `seq` that was received already. */
export function createDeduplicator(after: number): Deduplicator {
  let lastSeq = after;
  /** Text of the current run. */
  let view: TextView = EMPTY_TEXT_VIEW;
  let endedRun: string | null = null;
  /** The attempt that was last reported as failed: a late reader gets it again. */
  let lastFailure = '';

  function filterLive(event: Exclude<StreamEvent, { seq: number }>): StreamEvent | undefined {
    if (event.runId === endedRun) return undefined;
    if (event.type === 'attempt.failed') {
      const name = `${event.runId} ${event.step} ${event.attempt}`;
      if (name === lastFailure) return undefined;
      lastFailure = name;
    }
    if (!isTextEvent(event)) return event;
    const known = stepOf(view, event.runId, event.step);
    if (known.complete) return undefined;
    view = foldText(view, event);
    if (event.type === 'step.retracted') return event.attempt < known.attempt ? undefined : event;
    const part = event.type === 'message.delta' ? 'text' : 'reasoning';
    const base = event.attempt > known.attempt ? '' : known[part];
    const fresh = trimDelta({ attempt: Math.max(known.attempt, event.attempt), text: base }, event);
    return fresh === undefined ? undefined : { ...event, ...fresh };
  }

  return {
    get lastSeq() {
      return lastSeq;
    },
    filter(event) {
      if (!('seq' in event)) return filterLive(event);
      if (event.seq <= lastSeq) return undefined;
      lastSeq = event.seq;
      view = foldText(view, event);
      if ('runId' in event && event.runId !== undefined && endsRun(event.type)) {
        endedRun = event.runId;
        view = EMPTY_TEXT_VIEW;
      }
      return event;
    },
  };
}
