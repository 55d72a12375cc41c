import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { PerdureEvent, StreamEvent } from '../../../contracts/events/event.ts';

/** Address of a gateway, and the user of the calls. */
export interface Caller {
  readonly url: string;
  readonly user: string;
}

/** One frame of an event stream, as received. */
export interface Frame {
  readonly id: string | undefined;
  readonly event: StreamEvent;
  /** The `data:` line, byte for byte. */
  readonly data: string;
}

export function pathOf(session: string, ...rest: readonly string[]): string {
  return `/v1/sessions/${[session, ...rest].map(encodeURIComponent).join('/')}`;
}

/** Sends a request with a JSON body. Rejects when the gateway is unreachable. */
export async function call(
  { url, user }: Caller,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}${path}`, {
    method,
    headers: {
      'perdure-user': user,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** The JSON response of a request that must succeed. */
export async function callJson<T>(...args: Parameters<typeof call>): Promise<T> {
  const response = await call(...args);
  const text = await response.text();
  if (!response.ok) throw new Error(`${args[1]} ${args[2]} gave ${response.status}: ${text}`);
  return JSON.parse(text) as T;
}

/** Every durable event of a session so far. */
export async function eventsOf(caller: Caller, session: string): Promise<PerdureEvent[]> {
  const found: PerdureEvent[] = [];
  for (;;) {
    const path = `${pathOf(session, 'events')}?after=${found.at(-1)?.seq ?? 0}&limit=1000`;
    const { events } = await callJson<{ events: PerdureEvent[] }>(caller, 'GET', path, undefined, {
      accept: 'application/json',
    });
    if (events.length === 0) return found;
    found.push(...events);
  }
}

/**
 * Reads a session's event stream until `onFrame` returns true, the stream ends, or the signal aborts. Resolves with
 * whether `onFrame` returned true.
 */
export async function readStream(
  { url, user }: Caller,
  session: string,
  from: { readonly lastEventId?: number | undefined; readonly signal?: AbortSignal },
  onFrame: (frame: Frame) => boolean | void,
): Promise<boolean> {
  const cut = new AbortController();
  const signal = AbortSignal.any([cut.signal, ...(from.signal ? [from.signal] : [])]);
  let done = false;
  const parser = createParser({
    onEvent: ({ id, data }: EventSourceMessage) => {
      if (done || signal.aborted) return;
      done = onFrame({ id, event: JSON.parse(data) as StreamEvent, data }) === true;
    },
  });
  try {
    const response = await fetch(`${url}${pathOf(session, 'events')}`, {
      signal,
      headers: {
        'perdure-user': user,
        accept: 'text/event-stream',
        ...(from.lastEventId === undefined ? {} : { 'last-event-id': String(from.lastEventId) }),
      },
    });
    if (!response.ok) throw new Error(`The event stream of ${session} gave ${response.status}.`);
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
      if (done) break;
    }
    return done;
  } catch (error) {
    if (signal.aborted) return done;
    throw error;
  } finally {
    cut.abort();
  }
}

/** Resolves with the first frame of a session's stream, from its start, that satisfies `wanted`. */
export async function firstFrame(
  caller: Caller,
  session: string,
  wanted: (event: StreamEvent) => boolean,
): Promise<Frame> {
  let found: Frame | undefined;
  await readStream(caller, session, {}, (frame) => {
    if (wanted(frame.event)) found = frame;
    return found !== undefined;
  });
  if (found === undefined) throw new Error(`The event stream of ${session} ended without what was waited for.`);
  return found;
}

/** p50, p95 and maximum of durations as text. */
export function distribution(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN);
  return `${times.length} measured: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${at(1)} ms`;
}
