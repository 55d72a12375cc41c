import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTE } from '../contracts/names.ts';

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2;

/** gRPC's UNIMPLEMENTED. */
const UNIMPLEMENTED = 12;

/** Registers the search attributes of sessions that are missing, and returns whether there were any. Idempotent, also across workers. */
export async function registerSearchAttributes(connection: NativeConnection, namespace: string): Promise<boolean> {
  const missing = await missingSearchAttributes(connection, namespace);
  if (missing.length === 0) return false;
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
  });
  return true;
}

/** The search attributes of sessions that the namespace lacks. Without them, workflow tasks of sessions fail. */
export async function missingSearchAttributes(connection: NativeConnection, namespace: string): Promise<string[]> {
  const { customAttributes } = await connection.operatorService
    .listSearchAttributes({ namespace })
    .catch(noneIfUnimplemented);
  return Object.values(SEARCH_ATTRIBUTE).filter((name) => !(name in customAttributes));
}

/** The time-skipping test server cannot list search attributes, so all of them are registered. */
function noneIfUnimplemented(error: unknown): { customAttributes: Record<string, number> } {
  if ((error as { code?: unknown }).code === UNIMPLEMENTED) return { customAttributes: {} };
  throw error;
}
