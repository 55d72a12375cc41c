import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTE } from '../contracts/names.ts';

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2;

/** gRPC's UNIMPLEMENTED. */
const UNIMPLEMENTED = 12;

/** Registers what sessions are found by in the Temporal UI. Safe to repeat, and for two workers at once. */
export async function registerSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const names = Object.values(SEARCH_ATTRIBUTE);
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace }).catch(notListed);
  const missing = names.filter((name) => !(name in customAttributes));
  if (missing.length === 0) return;
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
  });
}

/** A server that cannot list them, as the one that skips time, is told all of them. */
function notListed(error: unknown): { customAttributes: Record<string, number> } {
  if ((error as { code?: unknown }).code === UNIMPLEMENTED) return { customAttributes: {} };
  throw error;
}
