import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';
import type { StreamTokens } from '../http/stream-tokens.ts';
import { route, type Route } from '../http/route.ts';

const bodySchema = z.strictObject({
  /** The session whose events the token opens. It need not exist yet. */
  session: z.string().optional(),
  /** The run without a session whose events the token opens. */
  run: z.string().optional(),
});

const responseSchema = z.object({
  /** For the query parameter `access_token`. */
  token: z.string(),
  /** Until then it opens streams; open ones stay open. */
  expiresAt: z.string(),
});

/** Tokens for `EventSource`, which can send no headers. */
export function streamTokenRoutes(streamTokens: () => Promise<StreamTokens>): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/stream-tokens',
      access: 'read',
      summary: 'Issue a token that opens one event stream for some minutes, as access_token in its URL',
      body: bodySchema,
      responses: { 201: { description: 'The token', schema: responseSchema } },
      async handle({ caller, body: { session, run } }) {
        const id = session ?? run;
        if (id === undefined || (session !== undefined && run !== undefined)) {
          throw new PerdureError('invalid_request', 'The body names no stream, or two. Send either session or run.');
        }
        // Validates both.
        const key = sessionKey(caller.user, id);
        const kind = session === undefined ? 'run' : 'session';
        return Response.json((await streamTokens()).issue(caller, { kind, id: key.session }), { status: 201 });
      },
    }),
  ];
}
