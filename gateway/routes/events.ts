import { z } from 'zod';
import type { PerdureEvent } from '../../contracts/session/event.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { transcriptEntrySchema } from '../../contracts/session/transcript.ts';
import { transcript } from '../../core/conversation/transcript.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { answerEvents, EVENTS_ANSWERS, EVENTS_HEADERS, eventsQuery } from '../answers/events-answer.ts';
import { readable } from '../answers/existing.ts';
import type { GatewayParts } from '../answers/gateway-parts.ts';
import { pageOf, route, type Route } from '../http/route.ts';

/** Events that one page of a transcript is made of, at most. */
const TRANSCRIPT_EVENTS = 10 * LIMITS.eventsPerPage.value;

const transcriptQuery = z.object({ cursor: z.coerce.number().int().min(0).default(0) });

/** What happened in a session. */
export function eventRoutes(parts: GatewayParts): Route[] {
  const { db } = parts;
  return [
    route({
      method: 'get',
      path: '/v1/sessions/{id}/events',
      summary: 'The events of a session, then those to come',
      query: eventsQuery,
      headers: EVENTS_HEADERS,
      answers: EVENTS_ANSWERS,
      async handle(call) {
        const key = await readable(db, call.user, call.param('id'));
        return answerEvents(parts, key, call);
      },
    }),
    route({
      method: 'get',
      path: '/v1/sessions/{id}/transcript',
      summary: 'The conversation as a model would see it',
      query: transcriptQuery,
      answers: { 200: { description: 'Messages in order', schema: pageOf(transcriptEntrySchema) } },
      async handle({ user, param, query }) {
        const key = await readable(db, user, param('id'));
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
