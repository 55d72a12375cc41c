import type { PerdureEvent } from '../../contracts/events/event.ts';

export interface ReplaySpeed {
  /** 2 plays twice as fast. */
  readonly speed: number;
  /** Maximum pause, after the speed-up. */
  readonly maxGapMs: number;
}

/** An event with the pause before it. */
export interface TimedEvent {
  readonly event: PerdureEvent;
  readonly pauseMs: number;
  /** The original pause where it was shortened to the maximum, else null. */
  readonly cutMs: number | null;
}

/** Computes the pauses of a replay. Pure. */
export function replayTimeline(events: readonly PerdureEvent[], { speed, maxGapMs }: ReplaySpeed): TimedEvent[] {
  return events.map((event, index) => {
    const before = events[index - 1];
    const originalMs = before ? Math.max(0, Date.parse(event.at) - Date.parse(before.at)) : 0;
    const pauseMs = originalMs / speed;
    return pauseMs > maxGapMs ? { event, pauseMs: maxGapMs, cutMs: originalMs } : { event, pauseMs, cutMs: null };
  });
}
