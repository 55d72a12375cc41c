import { z } from 'zod';
import { sessionKey } from '../../contracts/session/session-key.ts';
import { transcriptEntrySchema } from '../../contracts/session/transcript.ts';
import { transcript } from '../../core/conversation/transcript.ts';
import { readHead } from '../../store/read/read-head.ts';
import { readTranscriptRuns } from '../../store/read/read-transcript-runs.ts';
import { eventsResponse, EVENTS_RESPONSES, EVENTS_HEADERS, sessionEventsQuery } from '../answers/events-response.ts';
import { pendingMessages } from '../answers/pending-messages.ts';
import { possiblyAbsentSession, requireReadableSession } from '../answers/require-session.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { cursorQuery, pageOf, route, type Route } from '../http/route.ts';

const transcriptQuery = z.object({
  /** `nextCursor` of the previous page. */
  cursor: cursorQuery.optional(),
});

/** Events and transcript of a session. */
export function eventRoutes(deps: GatewayDeps): Route[] {
  const { db, turns } = deps;
  return [
    route({
      method: 'get',
      path: '/v1/sessions/{id}/events',
      access: 'read',
      operators: { action: 'events.read', what: 'events' },
      summary: 'Stream the events of a session: past ones, then new ones',
      query: sessionEventsQuery,
      headers: EVENTS_HEADERS,
      streams: 'session',
      responses: EVENTS_RESPONSES,
      async handle(call) {
        const { user, query, headers, signal, disconnect, onCredentialEnd } = call;
        const mayBeAbsent = query.awaitSession || (await isExpected(deps, user, call.param('id')));
        const require = mayBeAbsent ? possiblyAbsentSession : requireReadableSession;
        const key = await require(db, user, call.param('id'));
        return eventsResponse(deps, key, {
          query,
          headers,
          signal,
          disconnect,
          onCredentialEnd,
          mayBeAbsent,
          runId: query.run,
        });
      },
    }),
    route({
      method: 'get',
      path: '/v1/sessions/{id}/transcript',
      access: 'read',
      operators: { action: 'transcript.read', what: 'transcripts' },
      summary: 'The conversation as a model would receive it',
      query: transcriptQuery,
      responses: { 200: { description: 'Messages in order', schema: pageOf(transcriptEntrySchema) } },
      async handle({ user, param, query }) {
        const key = await requireReadableSession(db, user, param('id'));
        const page = await turns.run(user, () => readTranscriptRuns(db, key, query.cursor));
        return Response.json({ data: page.runs.flatMap(transcript), nextCursor: page.nextCursor });
      },
    }),
  ];
}

/** Whether the session does not exist yet, and its first messages wait for a worker. */
async function isExpected(deps: GatewayDeps, user: string, session: string): Promise<boolean> {
  const key = sessionKey(user, session);
  return (await readHead(deps.db, key)) === null && ((await pendingMessages(deps, key))?.waiting ?? 0) > 0;
}
