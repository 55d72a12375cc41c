import { endsRun } from '../../contracts/session/event.ts';
import type { StreamEvent } from '../../contracts/session/event.ts';
import { createDeduplicator } from './deduplicator.ts';
import { createReconnect, type ReconnectOptions } from './reconnect.ts';
import { readSseBody } from './sse-body.ts';

export interface StreamOptions extends ReconnectOptions {
  /** Skips events up to this `seq`. Default 0: none. */
  readonly after?: number | undefined;
  /** Ends the stream when aborted; the iteration then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Only events of this run; the stream ends with it. */
  readonly runId?: string | undefined;
}

/** Opens one connection for the events after `lastSeq`. `again` is true for every connection but the first. */
export type Connect = (lastSeq: number, again: boolean, signal: AbortSignal) => Promise<Response>;

/** Three intervals of the comments that the gateway sends every 15 s. */
const IDLE_MS = 45_000;

/**
 * The events of a session, each exactly once, over as many connections as it takes. Rejects when the first connection
 * fails, when a later one fails for good, or when reconnecting takes longer than `reconnectForMs`.
 */
export async function* streamEvents(connect: Connect, options: StreamOptions = {}): AsyncGenerator<StreamEvent> {
  const deduplicator = createDeduplicator(options.after ?? 0);
  const stopped = new AbortController();
  const signal = options.signal === undefined ? stopped.signal : AbortSignal.any([options.signal, stopped.signal]);
  const reconnect = createReconnect(options, signal);
  try {
    for (let again = false; ; again = true) {
      let lost: unknown;
      try {
        const response = await connect(deduplicator.lastSeq, again, signal);
        reconnect.connected();
        for await (const event of readSseBody(response, { idleMs: IDLE_MS, onRetry: reconnect.setPauseMs })) {
          const fresh = deduplicator.filter(event);
          if (fresh === undefined) continue;
          reconnect.progressed();
          if (!isOf(options.runId, fresh)) continue;
          yield fresh;
          if (options.runId !== undefined && endsRun(fresh.type)) return;
        }
      } catch (error) {
        lost = error;
      }
      await reconnect.pause(lost);
    }
  } finally {
    stopped.abort();
  }
}

function isOf(runId: string | undefined, event: StreamEvent): boolean {
  return runId === undefined || ('runId' in event && event.runId === runId);
}
