import { z } from 'zod';
import { eventSchema } from '../../contracts/session/event.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { acceptsEventStream } from './deliver-message.ts';
import { eventStreamResponse } from './event-stream-response.ts';
import type { EventScope } from '../feed/event-scope.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import type { ResponseSpec, Call } from '../http/route.ts';

const seq = z.coerce.number().int().min(0);
const DEFAULT_PAGE = 100;

export const eventsQuery = z.object({
  after: seq.optional(),
  limit: z.coerce.number().int().min(1).max(LIMITS.eventsPerPage.value).optional(),
});

export const EVENTS_HEADERS = {
  'Last-Event-ID': '`seq` of the last event received; overrides `after` of the query',
} as const;

export const EVENTS_RESPONSES: Readonly<Record<number, readonly ResponseSpec[]>> = {
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

/** The events of an existing session: a stream, or one page if the caller accepts only JSON. */
export async function eventsResponse(
  { db, feed }: GatewayDeps,
  key: SessionKey,
  { query, headers, signal }: Pick<Call<z.output<typeof eventsQuery>, unknown>, 'query' | 'headers' | 'signal'>,
  scope?: EventScope,
): Promise<Response> {
  const after = lastEventId(headers) ?? query.after ?? 0;
  const wantsPage = !acceptsEventStream(headers) && headers.get('accept')?.includes('application/json') === true;
  if (wantsPage) return Response.json(await readEvents(db, key, { after, limit: query.limit ?? DEFAULT_PAGE }));
  return eventStreamResponse(await feed.open(key, { after, ...(scope === undefined ? {} : { scope }) }), signal);
}

function lastEventId(headers: Headers): number | undefined {
  const text = headers.get('last-event-id')?.trim() ?? '';
  if (text === '') return undefined;
  const parsed = /^\d+$/.test(text) ? seq.safeParse(text) : undefined;
  if (parsed?.success === true) return parsed.data;
  throw new PerdureError(
    'invalid_request',
    `The header Last-Event-ID (${JSON.stringify(text.slice(0, 80))}) is not the number of an event. Omit it to read from the start.`,
  );
}
