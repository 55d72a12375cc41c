import { endsRun } from '../../contracts/events/event-traits.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { StreamEvent } from '../../contracts/events/event.ts';
import { createDeduplicator, type Deduplicator } from './deduplicator.ts';
import { createReconnect, type ReconnectOptions } from './reconnect.ts';
import { readSseBody } from './sse-body.ts';

export interface StreamOptions extends ReconnectOptions {
  /** Skips events up to this `seq`. Default 0: none. */
  readonly after?: number | undefined;
  /** Ends the stream when aborted; the iteration then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Only events of this run; the stream ends with it. */
  readonly runId?: string | undefined;
  /** Also the events of the runs that calls of agents have made, and those below them: each names its session. Default false. */
  readonly children?: boolean | undefined;
}

/** Where a connection goes on. */
export interface ResumePoint {
  /** `seq` of the last event of the session that was asked for; 0 for none. */
  readonly lastSeq: number;
  /** The `id` of the last durable event. Null before the first one that was received. */
  readonly lastId: string | null;
}

/** Opens one connection for the events after a point. `again` is true for every connection but the first. */
export type Connect = (from: ResumePoint, again: boolean, signal: AbortSignal) => Promise<Response>;

/** Three intervals of the comments that the gateway sends every 15 s. */
const IDLE_MS = 45_000;

/**
 * The events of a session, each exactly once, over as many connections as it takes. Rejects when the first connection
 * fails, when a later one fails for good, or when reconnecting takes longer than `reconnectForMs`. `session`: its id.
 */
export async function* streamEvents(
  connect: Connect,
  session: string,
  options: StreamOptions = {},
): AsyncGenerator<StreamEvent> {
  const root = createDeduplicator(options.after ?? 0);
  const below = new Map<string, Deduplicator>();
  let lastId: string | null = null;
  const stopped = new AbortController();
  const signal = options.signal === undefined ? stopped.signal : AbortSignal.any([options.signal, stopped.signal]);
  const reconnect = createReconnect(options, signal);
  try {
    for (let again = false; ; again = true) {
      let lost: unknown;
      try {
        const response = await connect({ lastSeq: root.lastSeq, lastId }, again, signal);
        reconnect.connected();
        // Nothing follows: the run has ended.
        if (response.status === 204) return;
        for await (const { event, id } of readSseBody(response, { idleMs: IDLE_MS, onRetry: reconnect.setPauseMs })) {
          const isBelow = options.children === true && event.sessionId !== session;
          const fresh = (isBelow ? deduplicatorOf(below, event.sessionId) : root).filter(event);
          if ('seq' in event && id !== undefined) lastId = id;
          if (fresh === undefined) continue;
          reconnect.progressed();
          if (!isBelow && !isOf(options.runId, fresh)) continue;
          yield fresh;
          if (!isBelow && options.runId !== undefined && endsRun(fresh.type)) return;
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

function deduplicatorOf(below: Map<string, Deduplicator>, session: string): Deduplicator {
  const known = below.get(session) ?? createDeduplicator(0);
  below.delete(session);
  below.set(session, known);
  // The oldest have ended: a gateway follows fewer.
  const [oldest] = below.keys();
  if (below.size > 2 * LIMITS.followedChildren.value && oldest !== undefined) below.delete(oldest);
  return known;
}

function isOf(runId: string | undefined, event: StreamEvent): boolean {
  return runId === undefined || ('runId' in event && event.runId === runId);
}
