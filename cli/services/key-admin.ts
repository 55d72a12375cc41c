import type { ApiKey, CreateApiKey, CreatedApiKey } from '../../contracts/identity/api-key.ts';
import type { ApiKeyQuery } from '../../client/http/queries.ts';
import type { Page } from '../../client/http/page.ts';
import { acquireDataLock } from '../../dev-server/index.ts';
import { openHostStore } from '../../hosting/open-host-store.ts';
import { createApiKey } from '../../store/admin/keys/create-api-key.ts';
import { listApiKeys } from '../../store/admin/keys/list-api-keys.ts';
import { revokeApiKey } from '../../store/admin/keys/revoke-api-key.ts';
import { readSettings } from './settings.ts';

/** Creates, lists and revokes API keys, through a gateway or on the store. */
export interface KeyAdmin {
  createKey(input: CreateApiKey): Promise<CreatedApiKey>;
  keys(query: ApiKeyQuery): Promise<Page<ApiKey>>;
  revokeKey(id: string): Promise<ApiKey>;
}

/** In the audit trail: who has access to the store needs no credential. */
const STORE_ACTOR = '(store)';
const PAGE = 50;

/**
 * Whether to use the store: the first key cannot be created through a gateway, which would need one. `asked`: the option
 * `--store`. Otherwise where a store is configured, and neither a gateway nor a credential for one.
 */
export function usesStore(asked: boolean, url: string | undefined, env: NodeJS.ProcessEnv): boolean {
  const isSet = (name: string): boolean => (env[name]?.trim() ?? '') !== '';
  if (asked) return true;
  if (url !== undefined || isSet('PERDURE_TOKEN') || isSet('PERDURE_URL')) return false;
  return isSet('DATABASE_URL') || isSet('PERDURE_DATA');
}

/**
 * Runs `work` on the store of `DATABASE_URL`, or the embedded one in the data folder, and closes it.
 * @throws {DataFolderInUseError} while `perdure start` runs on the folder.
 */
export async function onStore<T>(env: NodeJS.ProcessEnv, work: (admin: KeyAdmin) => Promise<T>): Promise<T> {
  const { databaseUrl, dataDir, archivesDir } = readSettings(env);
  await using stack = new AsyncDisposableStack();
  if (databaseUrl === undefined) stack.adopt(await acquireDataLock(dataDir), (lock) => lock.release());
  const { db } = stack.adopt(
    await openHostStore(databaseUrl === undefined ? { dataDir, archivesDir } : { databaseUrl, archivesDir }),
    (store) => store.close(),
  );
  return await work({
    createKey: (input) => createApiKey(db, input, STORE_ACTOR),
    keys: ({ user = null, ended = false, limit = PAGE, cursor }) =>
      listApiKeys(db, { user, ended }, { limit, ...(cursor === undefined ? {} : { cursor }) }),
    revokeKey: (id) => revokeApiKey(db, id, STORE_ACTOR),
  });
}
