import { z } from 'zod';
import { eventSchema } from '../../contracts/session/event.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { acceptsEventStream } from './deliver.ts';
import { eventStream } from './event-stream.ts';
import type { Follow } from '../feed/follow.ts';
import type { GatewayParts } from './gateway-parts.ts';
import type { Answer, Call } from '../http/route.ts';

const seq = z.coerce.number().int().min(0);
const DEFAULT_PAGE = 100;

export const eventsQuery = z.object({
  after: seq.optional(),
  limit: z.coerce.number().int().min(1).max(LIMITS.eventsPerPage.value).optional(),
});

export const EVENTS_HEADERS = { 'Last-Event-ID': 'The last event that was read; before the query’s after' } as const;

export const EVENTS_ANSWERS: Readonly<Record<number, readonly Answer[]>> = {
  200: [
    {
      description: 'Durable events after `after`, then live; or one page with Accept: application/json',
      mediaType: 'text/event-stream',
    },
    { description: 'A page of durable events', schema: z.object({ events: z.array(eventSchema), next: z.number() }) },
  ],
};

/** The events of a session that exists: as a stream, or a page for who accepts JSON only. */
export async function answerEvents(
  { db, feed }: GatewayParts,
  key: SessionKey,
  { query, headers, signal }: Pick<Call<z.output<typeof eventsQuery>, unknown>, 'query' | 'headers' | 'signal'>,
  follow?: Follow,
): Promise<Response> {
  const after = lastEventId(headers) ?? query.after ?? 0;
  const wantsPage = !acceptsEventStream(headers) && headers.get('accept')?.includes('application/json') === true;
  if (wantsPage) return Response.json(await readEvents(db, key, { after, limit: query.limit ?? DEFAULT_PAGE }));
  return eventStream(await feed.open(key, { after, ...(follow === undefined ? {} : { follow }) }), signal);
}

function lastEventId(headers: Headers): number | undefined {
  const text = headers.get('last-event-id')?.trim() ?? '';
  if (text === '') return undefined;
  const parsed = /^\d+$/.test(text) ? seq.safeParse(text) : undefined;
  if (parsed?.success === true) return parsed.data;
  throw new PerdureError(
    'invalid_request',
    `The header Last-Event-ID (${JSON.stringify(text.slice(0, 80))}) is not the number of an event. Leave it out to read from the start.`,
  );
}
