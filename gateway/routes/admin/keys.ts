import { z } from 'zod';
import { PerdureError } from '../../../contracts/errors.ts';
import { apiKeySchema, createApiKeySchema, createdApiKeySchema } from '../../../contracts/identity/api-key.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { createApiKey } from '../../../store/admin/keys/create-api-key.ts';
import { listApiKeys } from '../../../store/admin/keys/list-api-keys.ts';
import { revokeApiKey } from '../../../store/admin/keys/revoke-api-key.ts';
import type { GatewayDeps } from '../../answers/gateway-deps.ts';
import { selectUser } from '../../answers/select-user.ts';
import { userQuery } from '../../http/operators.ts';
import { pageOf, pageQuery, route, type Route } from '../../http/route.ts';

const listQuery = z.object({
  /** Default: all users. */
  user: userQuery.user,
  /** Whether to include keys that are revoked or have expired. */
  ended: z.stringbool().default(false),
  ...pageQuery(LIMITS.apiKeysPerPage.value),
});

/** API keys. `onRevoked` applies a revocation to this gateway at once; the others find it in the store. */
export function keyRoutes(deps: GatewayDeps, onRevoked: (id: string) => void): Route[] {
  const { db } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/keys',
      access: 'operate',
      reserved: 'create API keys',
      summary: 'For operators: create an API key. Only this response has the key itself',
      body: createApiKeySchema,
      responses: { 201: { description: 'The key', schema: createdApiKeySchema } },
      async handle({ caller, body }) {
        const created = await createApiKey(db, body, caller.user);
        return Response.json(created, { status: 201, headers: { 'cache-control': 'no-store' } });
      },
    }),
    route({
      method: 'get',
      path: '/v1/keys',
      access: 'inspect',
      reserved: 'list API keys',
      summary: 'For operators: list the API keys, newest first, without the keys themselves',
      query: listQuery,
      responses: { 200: { description: 'A page', schema: pageOf(apiKeySchema) } },
      async handle({ caller, query: { user, ended, ...page } }) {
        const owner = await selectUser(
          deps,
          caller,
          { user, all: user === undefined },
          { action: 'keys.list', what: 'API keys' },
        );
        return Response.json(await listApiKeys(db, { user: owner, ended }, page));
      },
    }),
    route({
      method: 'delete',
      path: '/v1/keys/{key}',
      access: 'operate',
      reserved: 'revoke API keys',
      summary: 'For operators: revoke an API key by its id. Every gateway refuses it within 5 seconds',
      responses: { 200: { description: 'The key, revoked', schema: apiKeySchema } },
      async handle({ caller, param }) {
        const id = param('key');
        if (!z.uuid().safeParse(id).success) throw notAnId();
        const revoked = await revokeApiKey(db, id, caller.user);
        onRevoked(id);
        return Response.json(revoked);
      },
    }),
  ];
}

/** Never quotes it: somebody may have sent the key itself. */
function notAnId(): PerdureError {
  return new PerdureError(
    'invalid_request',
    'That is not the id of an API key, which is a UUID. If it is a key, revoke it by its id: a key in a URL may be in logs.',
  );
}
