import type { PerdureEvent } from '../../contracts/session/event.ts';

export interface ReplaySpeed {
  /** 2 is twice as fast. */
  readonly speed: number;
  /** No pause is longer, after the speed-up. */
  readonly maxGapMs: number;
}

/** An event with the pause before it, and what of its true pause was left out. */
export interface TimedEvent {
  readonly event: PerdureEvent;
  readonly pauseMs: number;
  /** The true time since the event before it, where it was cut short; null elsewhere. */
  readonly cutMs: number | null;
}

/** Events with the pauses that a replay makes. Pure. */
export function replayTimeline(events: readonly PerdureEvent[], { speed, maxGapMs }: ReplaySpeed): TimedEvent[] {
  return events.map((event, index) => {
    const before = events[index - 1];
    const trueMs = before ? Math.max(0, Date.parse(event.at) - Date.parse(before.at)) : 0;
    const pauseMs = trueMs / speed;
    return pauseMs > maxGapMs ? { event, pauseMs: maxGapMs, cutMs: trueMs } : { event, pauseMs, cutMs: null };
  });
}
