import type { Connect, StreamOptions } from './event-stream.ts';
import type { HttpClient } from './http-client.ts';

/** Connects to the event stream at a path. The first connection sends `after`, later ones `Last-Event-ID`, so that access logs distinguish them. */
export function connectTo(http: HttpClient, path: readonly string[], { runId, children }: StreamOptions = {}): Connect {
  return ({ lastSeq, lastId }, again, signal) => {
    const last = (children ? lastId : null) ?? (lastSeq > 0 ? String(lastSeq) : null);
    // A position in the session alone names no runs below: `after` makes the gateway find them.
    const isAfter = lastSeq > 0 && (!again || (children === true && lastId === null));
    return http.stream({
      path,
      signal,
      // Without `after` the events of a run start at its first message.
      query: { run: runId, ...(children ? { children } : {}), ...(isAfter ? { after: lastSeq } : {}) },
      headers: {
        accept: 'text/event-stream',
        ...(again && !isAfter && last !== null ? { 'last-event-id': last } : {}),
      },
    });
  };
}
