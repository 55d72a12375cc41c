import { endsRun } from '../../contracts/session/event.ts';
import type { StreamEvent } from '../../contracts/session/event.ts';
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

  function filterLive(event: Exclude<StreamEvent, { seq: number }>): StreamEvent | undefined {
    if (event.runId === endedRun) return undefined;
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
