import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import {
  forgottenSchema,
  memoryPageSchema,
  rememberedSchema,
  rememberSchema,
} from '../../contracts/capabilities/memory.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { pageQuery, route, type Route } from '../http/route.ts';

/** A search has fewer results by default, and at most. */
const DEFAULT_FOUND = 10;

const listQuery = z.object({
  /** What to search for. Default: the newest memories are listed. */
  query: z
    .string()
    .refine((query) => query.trim() !== '', 'must not be empty')
    .optional(),
  ...pageQuery(LIMITS.memoriesPerPage.value),
  limit: z.coerce.number().int().min(1).max(LIMITS.memoriesPerPage.value).optional(),
});

/** Long-term memory of the user. */
export function memoryRoutes({ memories }: GatewayDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/memories',
      access: 'read',
      summary: 'Search your memories by full text and meaning, best first; without a query, list them, newest first',
      query: listQuery,
      operators: { action: 'memories.read', what: 'memories' },
      responses: { 200: { description: 'What was found, or a page', schema: memoryPageSchema } },
      async handle({ user, query: { query, limit, cursor } }) {
        if (query === undefined) return Response.json(await memories.list(user, { limit, cursor }));
        checkSearch(limit, cursor);
        const found = await memories.search(user, query, { limit: limit ?? DEFAULT_FOUND });
        return Response.json({ data: found.data, nextCursor: null, search: found.search });
      },
    }),
    route({
      method: 'post',
      path: '/v1/memories',
      access: 'write',
      summary: 'Remember a text, or with replaces, correct a memory',
      body: rememberSchema,
      responses: {
        200: { description: 'It was remembered before', schema: rememberedSchema },
        201: { description: 'The memory', schema: rememberedSchema },
      },
      async handle({ user, body }) {
        const remembered = await memories.remember(user, body);
        return Response.json(remembered, { status: remembered.created ? 201 : 200 });
      },
    }),
    route({
      method: 'delete',
      path: '/v1/memories/{memory}',
      access: 'write',
      summary: 'Forget a memory, with all that it corrects',
      operators: { action: 'memories.forget', what: 'memories', act: 'forget' },
      responses: { 200: { description: 'What was removed', schema: forgottenSchema } },
      async handle({ user, param }) {
        const forgotten = await memories.forget(user, param('memory'));
        if (forgotten > 0) return Response.json({ forgotten });
        throw new PerdureError(
          'not_found',
          `There is no memory ${JSON.stringify(param('memory').slice(0, 80))}. Take the id from a search or the list of memories.`,
        );
      },
    }),
    route({
      method: 'delete',
      path: '/v1/memories',
      access: 'write',
      summary: 'Forget all of your memories',
      query: z.object({ all: z.literal('true') }),
      operators: { action: 'memories.forget', what: 'memories', act: 'forget' },
      responses: { 200: { description: 'What was removed', schema: forgottenSchema } },
      handle: async ({ user }) => Response.json({ forgotten: await memories.forgetAll(user) }),
    }),
  ];
}

function checkSearch(limit: number | undefined, cursor: string | undefined): void {
  const { value: max } = LIMITS.memoriesPerSearch;
  if (limit !== undefined && limit > max) {
    throw new PerdureError('invalid_request', `The limit of a search is ${limit}; it must be at most ${max}.`);
  }
  if (cursor !== undefined) {
    throw new PerdureError('invalid_request', 'A search has one page. Remove the cursor, or the query.');
  }
}
