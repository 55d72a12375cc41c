import { z } from 'zod';
import type { PerdureEvent } from '../../contracts/session/event.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { transcriptEntrySchema } from '../../contracts/session/transcript.ts';
import { transcript } from '../../core/conversation/transcript.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { eventsResponse, EVENTS_RESPONSES, EVENTS_HEADERS, eventsQuery } from '../answers/events-response.ts';
import { requireReadableSession } from '../answers/require-session.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { pageOf, route, type Route } from '../http/route.ts';

/** Maximum number of events in one page of a transcript. */
const TRANSCRIPT_EVENTS = 10 * LIMITS.eventsPerPage.value;

const transcriptQuery = z.object({ cursor: z.coerce.number().int().min(0).default(0) });

/** Events and transcript of a session. */
export function eventRoutes(deps: GatewayDeps): Route[] {
  const { db } = deps;
  return [
    route({
      method: 'get',
      path: '/v1/sessions/{id}/events',
      summary: 'Stream the events of a session: past ones, then new ones',
      query: eventsQuery,
      headers: EVENTS_HEADERS,
      responses: EVENTS_RESPONSES,
      async handle(call) {
        const key = await requireReadableSession(db, call.user, call.param('id'));
        return eventsResponse(deps, key, call);
      },
    }),
    route({
      method: 'get',
      path: '/v1/sessions/{id}/transcript',
      summary: 'The conversation as a model would receive it',
      query: transcriptQuery,
      responses: { 200: { description: 'Messages in order', schema: pageOf(transcriptEntrySchema) } },
      async handle({ user, param, query }) {
        const key = await requireReadableSession(db, user, param('id'));
        const events: PerdureEvent[] = [];
        let after = query.cursor;
        const limit = LIMITS.eventsPerPage.value;
        for (let more = true; more && events.length < TRANSCRIPT_EVENTS;) {
          const page = await readEvents(db, key, { after, limit });
          events.push(...page.events);
          after = page.events.at(-1)?.seq ?? after;
          more = page.events.length === limit;
        }
        const nextCursor = events.length < TRANSCRIPT_EVENTS ? null : String(after);
        return Response.json({ data: transcript(events), nextCursor });
      },
    }),
  ];
}
