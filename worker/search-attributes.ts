import type { NativeConnection } from '@temporalio/worker';
import { isRefused, missingSearchAttributes, searchAttributeCommand } from '../client/temporal/search-attributes.ts';
import { PerdureError } from '../contracts/errors.ts';

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2;

/**
 * Registers the search attributes of sessions that are missing, and returns whether there were any. Idempotent, also across workers.
 * @throws {PerdureError} `forbidden` with the command that creates them, where the server does not let this credential do so.
 */
export async function registerSearchAttributes(
  connection: NativeConnection,
  { address, namespace }: { readonly address: string; readonly namespace: string },
): Promise<boolean> {
  const missing = await missingSearchAttributes(connection, namespace);
  if (missing.length === 0) return false;
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
    return true;
  } catch (error) {
    if (!isRefused(error)) throw error;
    throw new PerdureError(
      'forbidden',
      `The namespace ${namespace} lacks the search attributes ${missing.join(', ')}, and Temporal does not let this worker create them. Create them with: ${searchAttributeCommand(address, namespace, missing)}`,
      { cause: error },
    );
  }
}
