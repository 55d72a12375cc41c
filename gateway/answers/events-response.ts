import { z } from 'zod';
import { eventSchema } from '../../contracts/events/event.ts';
import { seqQuery } from '../http/route.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../../store/db/db.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { readHead } from '../../store/read/read-head.ts';
import { readRunSpan, type RunSpan } from '../../store/read/read-run-span.ts';
import { acceptsEventStream } from '../http/accepts-event-stream.ts';
import { eventStreamResponse } from './event-stream-response.ts';
import { beyondHead } from '../feed/beyond-head.ts';
import { runScope } from '../feed/event-scope.ts';
import type { Reader } from '../feed/reader.ts';
import { parseTreeCursor, type TreeCursor } from '../feed/tree/tree-cursor.ts';
import { openTree, type TreeReader } from '../feed/tree/tree-reader.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { noSuchRun } from './require-session.ts';
import { accepts } from '../http/accept.ts';
import type { ResponseSpec, Call } from '../http/route.ts';

const DEFAULT_PAGE = 100;

/** The longest `id` of an event in a stream with children. */
const MAX_CURSOR = 8_192;

export const eventsQuery = z.object({
  after: seqQuery.optional(),
  limit: z.coerce.number().int().min(1).max(LIMITS.eventsPerPage.value).optional(),
  /** As the header Last-Event-ID, for replacements of `EventSource` that send it in the query. */
  lastEventId: z
    .string()
    .regex(/^[\w~:-]*$/)
    .max(MAX_CURSOR)
    .optional(),
  /** A stream also has the events of the runs that its calls of agents have made, and those below them. */
  children: z.stringbool().default(false),
  /** A stream token, instead of other credentials; for streams only. */
  access_token: z.string().optional(),
});

export const sessionEventsQuery = eventsQuery.extend({
  /** Only the events of this run, from its first message to its end. */
  run: z.string().min(1).max(200).optional(),
  /** A stream of a session that does not exist yet waits for it. */
  awaitSession: z.stringbool().default(false),
});

/** What to read of a session. */
export interface EventsRequest extends Pick<
  Call<z.output<typeof eventsQuery>, unknown>,
  'query' | 'headers' | 'signal' | 'disconnect' | 'onCredentialEnd'
> {
  /** Only the events of this run. */
  readonly runId?: string | undefined;
  /** Whether a stream waits for a session that does not exist. */
  readonly mayBeAbsent?: boolean;
}

export const EVENTS_HEADERS = {
  'Last-Event-ID': '`seq` of the last event received; overrides `lastEventId` and `after` of the query',
} as const;

export const EVENTS_RESPONSES: Readonly<Record<number, ResponseSpec | readonly ResponseSpec[]>> = {
  204: { description: 'The run has ended, and no event of it follows' },
  200: [
    {
      description: 'Durable events after `after`, then live events',
      mediaType: 'text/event-stream',
    },
    {
      description: 'With Accept: application/json: a page of durable events',
      schema: z.object({ events: z.array(eventSchema), next: z.number() }),
    },
  ],
};

/** The events of a session or of one of its runs: a stream, or one page if the caller accepts only JSON. */
export async function eventsResponse(deps: GatewayDeps, key: SessionKey, request: EventsRequest): Promise<Response> {
  const { query, headers, runId, mayBeAbsent = false } = request;
  const last = headers.get('last-event-id')?.trim() || query.lastEventId?.trim();
  const cursor = last ? cursorOf(last) : undefined;
  const given = cursor?.seq ?? query.after;
  const run = runId === undefined ? undefined : await requireRunSpan(deps.db, key, runId, given ?? 0);
  const after = given ?? (run === undefined ? 0 : run.firstSeq - 1);
  if (acceptsPage(headers)) {
    if (query.children) throw noPageOfTree();
    return await pageResponse(deps, key, { after, limit: query.limit, runId });
  }
  await deps.feed.check(key, { after, mayBeAbsent });
  // Nothing follows, and this status keeps an EventSource from connecting again.
  if (run?.isOver === true) return new Response(null, { status: 204 });
  return streamResponse(deps, key, {
    ...request,
    after,
    mayBeAbsent,
    below: cursor && cursor.seq > 0 ? cursor.children : undefined,
  });
}

function acceptsPage(headers: Headers): boolean {
  return !acceptsEventStream(headers) && accepts(headers, 'application/json');
}

interface Start {
  readonly after: number;
  readonly mayBeAbsent: boolean;
  /** With children: how far the caller is in the runs below. */
  readonly below: ReadonlyMap<string, number> | undefined;
}

function streamResponse(
  { feed, db }: GatewayDeps,
  key: SessionKey,
  { signal, disconnect, onCredentialEnd, query, runId, after, mayBeAbsent, below }: EventsRequest & Start,
): Response {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const open = async (): Promise<Reader | TreeReader> => {
    const scope = runId === undefined ? {} : { scope: runScope(runId) };
    const options = { after, mayBeAbsent, onStalled: disconnect, ...scope };
    const reader = query.children
      ? await openTree({ feed, db }, key, { ...options, runId, children: below })
      : await feed.open(key, options);
    if (!reader.sessionExists)
      timer = setTimeout(() => closeUnlessFound(reader), LIMITS.awaitedSessionMs.value).unref();
    return reader;
  };
  return eventStreamResponse({ signal, onCredentialEnd, open, onEnd: () => clearTimeout(timer) });
}

function closeUnlessFound(reader: Pick<Reader, 'sessionExists' | 'close'>): void {
  if (!reader.sessionExists) reader.close();
}

async function pageResponse(
  { db, turns }: GatewayDeps,
  key: SessionKey,
  { after, limit = DEFAULT_PAGE, runId }: { after: number; limit: number | undefined; runId: string | undefined },
): Promise<Response> {
  const { events, next } = await turns.run(key.user, () => readEvents(db, key, { after, limit }));
  if (events.length === 0 && after > 0) {
    const head = (await readHead(db, key)) ?? 0;
    if (after > head) throw beyondHead(after, head);
  }
  const selected = runId === undefined ? events : events.filter((event) => runScope(runId).includes(event));
  return Response.json({ events: selected, next });
}

async function requireRunSpan(db: Db, key: SessionKey, runId: string, after: number): Promise<RunSpan> {
  const span = await readRunSpan(db, key, runId, after);
  if (span === null) throw noSuchRun(key, runId);
  return span;
}

function cursorOf(text: string): TreeCursor {
  const cursor = parseTreeCursor(text);
  if (cursor) return cursor;
  throw new PerdureError(
    'invalid_request',
    `The header Last-Event-ID (${JSON.stringify(text.slice(0, 80))}) is not the id of an event. Omit it to read from the start.`,
  );
}

function noPageOfTree(): PerdureError {
  return new PerdureError(
    'invalid_request',
    'children=true is for streams: pages of several sessions have no common order. Read the pages of each run below at /v1/runs/{childRunId}/events.',
  );
}
