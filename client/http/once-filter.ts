import { endsRun } from '../../contracts/session/event.ts';
import type { StreamEvent } from '../../contracts/session/event.ts';
import { trimDelta } from '../../core/text/apply-delta.ts';
import { EMPTY_TEXT_VIEW, foldText, stepOf } from '../../core/text/text-view.ts';
import type { TextView } from '../../core/text/text-view.ts';

/** Lets each thing through once, over any number of connections. */
export interface OnceFilter {
  /** The `seq` to go on from. */
  readonly lastSeq: number;
  /** The event, a delta's part that is new, or undefined when all of it was seen. */
  pass(event: StreamEvent): StreamEvent | undefined;
}

/** `after`: the durable events up to here were seen. */
export function createOnceFilter(after: number): OnceFilter {
  let lastSeq = after;
  /** Of the run that is going. */
  let view: TextView = EMPTY_TEXT_VIEW;
  let endedRun: string | null = null;

  function passLive(event: Exclude<StreamEvent, { seq: number }>): StreamEvent | undefined {
    if (event.runId === endedRun) return undefined;
    if (event.type === 'tool.progress') return event;
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
    pass(event) {
      if (!('seq' in event)) return passLive(event);
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
