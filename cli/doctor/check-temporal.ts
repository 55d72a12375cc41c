import { X509Certificate } from 'node:crypto';
import type { ConnectionSettings } from '../../client/temporal/connection-options.ts';
import { describeConnectProblem } from '../../client/temporal/describe-connect-problem.ts';
import { missingSearchAttributes, searchAttributeCommand } from '../../client/temporal/search-attributes.ts';
import { callServer } from '../../client/temporal/temporal-call.ts';
import { lazyClient } from '../../client/temporal/temporal-connection.ts';
import { SEARCH_ATTRIBUTE } from '../../contracts/names.ts';
import type { Finding } from './finding.ts';

const CHECK = 'Temporal';
/** The other checks take their share of the processor meanwhile. */
const TIMEOUT_MS = 10_000;
/** A client certificate that ends within this time is worth a note. */
const SOON_MS = 14 * 24 * 3_600_000;

/** Checks that a Temporal server is reachable and has the namespace, and then that the namespace has the search attributes. */
export async function checkTemporal(connection: ConnectionSettings): Promise<Finding[]> {
  const { address, namespace } = connection;
  const temporal = lazyClient(connection, undefined, {});
  const client = temporal.get();
  try {
    let missing: string[] = [];
    const look = async () => {
      await client.workflowService.describeNamespace({ namespace });
      missing = await missingSearchAttributes(client.connection, namespace);
    };
    const isThere = await callServer(client, look, TIMEOUT_MS);
    if (!isThere) {
      const remedy = 'Create it, or set TEMPORAL_NAMESPACE to that of the workers.';
      return [
        { check: CHECK, state: 'problem', found: `the server at ${address} has no namespace ${namespace}`, remedy },
      ];
    }
    return [reachable(connection), searchAttributes(connection, missing)];
  } catch (error) {
    const { found, remedy } = (await describeConnectProblem(connection)) ?? refused(error);
    return [{ check: CHECK, state: 'problem', found: `the server at ${address} ${found}`, remedy }];
  } finally {
    await temporal.close();
  }
}

function reachable({ address, namespace, tls }: ConnectionSettings): Finding {
  const found = `reachable at ${address}, namespace ${namespace}`;
  const pair = typeof tls === 'object' ? tls?.clientCertPair : undefined;
  const validTo = pair === undefined ? null : new X509Certificate(pair.crt).validTo;
  if (validTo === null || Date.parse(validTo) > Date.now() + SOON_MS)
    return { check: CHECK, state: 'ok', found, remedy: null };
  const remedy = 'Renew it in time, and restart the processes that use it.';
  return { check: CHECK, state: 'note', found: `${found}; the client certificate expires on ${validTo}`, remedy };
}

function searchAttributes({ address, namespace }: ConnectionSettings, missing: readonly string[]): Finding {
  const check = 'Search attributes';
  if (missing.length === 0)
    return { check, state: 'ok', found: Object.values(SEARCH_ATTRIBUTE).join(', '), remedy: null };
  return {
    check,
    state: 'problem',
    found: `the namespace ${namespace} lacks ${missing.join(', ')}`,
    remedy: `Start a worker that may create them, or run: ${searchAttributeCommand(address, namespace, missing)}`,
  };
}

/** The connection is possible, and the server does not serve this caller. */
function refused(error: unknown): Pick<Finding, 'found' | 'remedy'> {
  const reason = error instanceof Error ? error.message : String(error);
  return {
    found: `refuses the request: ${reason}`,
    remedy: 'Check TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and the client certificate.',
  };
}
