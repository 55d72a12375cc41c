import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTE } from '../contracts/names.ts';

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2;

/** Registers what sessions are found by in the Temporal UI. Safe to repeat, and for two workers at once. */
export async function registerSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const names = Object.values(SEARCH_ATTRIBUTE);
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = names.filter((name) => !(name in customAttributes));
  if (missing.length === 0) return;
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
  });
}
