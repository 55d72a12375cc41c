import type { Connection, ConnectionOptions } from '@temporalio/client';
import { setTimeout as delay } from 'node:timers/promises';

/** Whether a Temporal server at `address` responds within `timeoutMs` and has the namespace. */
export async function isTemporalReady(address: string, namespace: string, timeoutMs: number): Promise<boolean> {
  const connection = await connectTo(address);
  try {
    return await isReady(connection, namespace, Date.now() + timeoutMs);
  } finally {
    await connection.close();
  }
}

/** Resolves with true once the server is ready, with false after `timeoutMs` or when `signal` aborts. */
export async function waitForTemporal(
  address: string,
  namespace: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const connection = await connectTo(address);
  const giveUpAt = Date.now() + timeoutMs;
  try {
    while (!signal.aborted && Date.now() < giveUpAt) {
      if (await isReady(connection, namespace, Date.now() + 1_000)) return !signal.aborted;
      await delay(25);
    }
    return false;
  } finally {
    await connection.close();
  }
}

/**
 * With which every statement fails from some moment on, until the server is restarted: its SQLite driver, before version 1.44, can leave a
 * connection interrupted when a request is cancelled (https://gitlab.com/cznic/sqlite/-/issues/241).
 */
const INTERRUPTED = /\binterrupted \(9\)/;

/** Whether the server's database fails now as it may do for ever. A server that does not respond within `timeoutMs` is not judged. */
export async function isDatabaseInterrupted(address: string, namespace: string, timeoutMs: number): Promise<boolean> {
  // Without the retries of the SDK, which would hide the error behind the deadline.
  const connection = await connectTo(address, { interceptors: [] });
  try {
    await connection.withDeadline(Date.now() + timeoutMs, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return false;
  } catch (error) {
    return error instanceof Error && INTERRUPTED.test(error.message);
  } finally {
    await connection.close();
  }
}

async function connectTo(address: string, options: Pick<ConnectionOptions, 'interceptors'> = {}): Promise<Connection> {
  // Loaded while the server starts.
  const { Connection } = await import('@temporalio/client');
  return Connection.lazy({
    address,
    ...options,
    channelArgs: {
      // By default gRPC waits a second after a refused connection, for all channels to the same address.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.min_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 100,
    },
  });
}

async function isReady(connection: Connection, namespace: string, deadline: number): Promise<boolean> {
  try {
    await connection.withDeadline(deadline, async () => {
      await connection.workflowService.getSystemInfo({});
      await connection.workflowService.describeNamespace({ namespace });
    });
    return true;
  } catch {
    return false;
  }
}
