import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTE } from '../contracts/names.ts';

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2;

/** gRPC's UNIMPLEMENTED. */
const UNIMPLEMENTED = 12;

/** Registers the search attributes of sessions. Idempotent, also across workers. */
export async function registerSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const names = Object.values(SEARCH_ATTRIBUTE);
  const { customAttributes } = await connection.operatorService
    .listSearchAttributes({ namespace })
    .catch(noneIfUnimplemented);
  const missing = names.filter((name) => !(name in customAttributes));
  if (missing.length === 0) return;
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
  });
}

/** The time-skipping test server cannot list search attributes, so all of them are registered. */
function noneIfUnimplemented(error: unknown): { customAttributes: Record<string, number> } {
  if ((error as { code?: unknown }).code === UNIMPLEMENTED) return { customAttributes: {} };
  throw error;
}
