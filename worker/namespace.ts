import { setTimeout as delay } from 'node:timers/promises';
import type { NativeConnection } from '@temporalio/worker';
import { refusedCredential } from '../client/temporal/temporal-failures.ts';
import { PerdureError } from '../contracts/errors.ts';
import { isNotFound } from './is-not-found.ts';

/** Codes of gRPC. */
const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;
/** A server caches for some seconds which namespaces exist. */
const MAX_CACHED_MS = 30_000;
const POLL_MS = 500;

/** The retention of a namespace, in seconds; null if there is no such namespace. */
export async function readRetention(connection: NativeConnection, namespace: string): Promise<number | null> {
  try {
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    return Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0);
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

/** An error of Temporal for a namespace that does not exist, or that the credential may not use, as a sentence; others as they are. */
export function describeRefusal(error: unknown, namespace: string): unknown {
  if (isNotFound(error)) {
    return new PerdureError(
      'not_found',
      `Temporal has no namespace ${JSON.stringify(namespace)}. Create it, or set TEMPORAL_NAMESPACE to another.`,
      { cause: error },
    );
  }
  const { code } = error as { code?: unknown };
  return code === UNAUTHENTICATED || code === PERMISSION_DENIED
    ? refusedCredential(code === UNAUTHENTICATED, error)
    : error;
}

/** Creates a namespace that was lost with its Temporal server, with the retention that it had. Resolves when it can be used. */
export async function recreateNamespace(
  connection: NativeConnection,
  namespace: string,
  retentionSeconds: number,
): Promise<void> {
  await connection.workflowService.registerNamespace({
    namespace,
    description: 'Created again by Perdure, whose store has sessions of this namespace.',
    workflowExecutionRetentionPeriod: { seconds: retentionSeconds as never },
  });
  const giveUpAt = Date.now() + MAX_CACHED_MS;
  while (!(await isUsable(connection, namespace)) && Date.now() < giveUpAt) await delay(POLL_MS);
}

/** Whether the server has noticed that the namespace exists. */
async function isUsable(connection: NativeConnection, namespace: string): Promise<boolean> {
  try {
    await connection.workflowService.listWorkflowExecutions({ namespace, pageSize: 1 });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
