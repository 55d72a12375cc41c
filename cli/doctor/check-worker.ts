import { createTemporalSender } from '../../client/temporal/temporal-sender.ts';
import type { ConnectionSettings } from '../../client/temporal/connection-options.ts';
import { lazyClient } from '../../client/temporal/temporal-connection.ts';
import type { Workers } from '../../contracts/worker.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import type { Finding } from './finding.ts';
import { formatCount } from '../render/format-count.ts';

const REMEDY = 'Start one with `perdure worker`, or everything with `npm start`. Messages wait until then.';

/**
 * Checks that a worker takes work. Without one, messages are accepted but not answered. `connection`: the server to ask where the
 * gateway does not know. `isConfigured`: whether workers are processes of their own.
 */
export async function checkWorker(
  { client }: Pick<CommandDeps, 'client'>,
  connection: ConnectionSettings | null,
  isConfigured: boolean,
): Promise<Finding> {
  const check = 'Worker';
  // The gateway counts leases, which expire within seconds of a worker's death; Temporal lists its last poll for more than a minute.
  const { polling, lastSeenAt } = (await client.workers().catch(() => null)) ?? (await workersInTemporal(connection));
  if (polling === null) return { check, state: 'note', found: 'unknown without Temporal', remedy: null };
  if (polling > 0) return { check, state: 'ok', found: `${formatCount(polling, 'worker')} polling`, remedy: null };
  // Otherwise `perdure start` brings a worker of its own.
  const state = isConfigured ? 'problem' : 'note';
  return { check, state, found: `none polling${lastSeenAt === null ? '' : `; ${ago(lastSeenAt)}`}`, remedy: REMEDY };
}

async function workersInTemporal(connection: ConnectionSettings | null): Promise<Workers> {
  if (connection === null) return { polling: null, lastSeenAt: null };
  const temporal = lazyClient(connection, undefined, {});
  try {
    const { length: polling } = await createTemporalSender({ client: temporal.get() }).pollers();
    return { polling, lastSeenAt: null };
  } catch {
    return { polling: null, lastSeenAt: null };
  } finally {
    await temporal.close();
  }
}

function ago(time: string): string {
  return `the last one was seen ${formatDuration(Math.max(0, Date.now() - Date.parse(time)))} ago`;
}
