import { endsRun } from '../../contracts/session/event.ts';
import type { StreamEvent } from '../../contracts/session/event.ts';
import { createOnceFilter } from './once-filter.ts';
import { createReconnect, type ReconnectOptions } from './reconnect.ts';
import { readSseBody } from './sse-body.ts';

export interface StreamOptions extends ReconnectOptions {
  /** Events up to this `seq` are left out. Default 0: everything. */
  readonly after?: number | undefined;
  /** Ends the stream when aborted; the iteration then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Only this run's events; the stream ends with the run. */
  readonly runId?: string | undefined;
}

/** Opens one connection for the events after `lastSeq`; `again` when it is not the first. */
export type Connect = (lastSeq: number, again: boolean, signal: AbortSignal) => Promise<Response>;

/** Three of the comments that the gateway sends every 15 s. */
const IDLE_MS = 45_000;

/**
 * The events of a session, each once, over as many connections as it takes. Rejects when the first
 * connection fails, when a later one is refused for good, or when no gateway is back in time.
 */
export async function* streamEvents(connect: Connect, options: StreamOptions = {}): AsyncGenerator<StreamEvent> {
  const filter = createOnceFilter(options.after ?? 0);
  const left = new AbortController();
  const signal = options.signal === undefined ? left.signal : AbortSignal.any([options.signal, left.signal]);
  const reconnect = createReconnect(options, signal);
  try {
    for (let again = false; ; again = true) {
      let lost: unknown;
      try {
        const response = await connect(filter.lastSeq, again, signal);
        reconnect.connected();
        for await (const event of readSseBody(response, { idleMs: IDLE_MS, onRetry: reconnect.setPauseMs })) {
          const fresh = filter.pass(event);
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
    left.abort();
  }
}

function isOf(runId: string | undefined, event: StreamEvent): boolean {
  return runId === undefined || ('runId' in event && event.runId === runId);
}
