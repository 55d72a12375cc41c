import { createTemporalSender } from '../../client/temporal/temporal-sender.ts';
import { lazyClient } from '../../client/temporal/temporal-connection.ts';
import type { Finding } from './finding.ts';

/** Checks that the configured Temporal server is reachable. */
export async function checkTemporal(env: NodeJS.ProcessEnv): Promise<Finding> {
  const address = env['TEMPORAL_ADDRESS'];
  const temporal = lazyClient({ address }, undefined, env);
  try {
    if (await createTemporalSender({ client: temporal.get() }).ready()) {
      return { check: 'Temporal', state: 'ok', found: `reachable at ${address ?? '127.0.0.1:7233'}`, remedy: null };
    }
  } finally {
    await temporal.close();
  }
  if (address === undefined) {
    return {
      check: 'Temporal',
      state: 'note',
      found: 'not running; `perdure start` starts one',
      remedy: 'To use another server, set TEMPORAL_ADDRESS.',
    };
  }
  const namespace = env['TEMPORAL_NAMESPACE'] ?? 'default';
  return {
    check: 'Temporal',
    state: 'problem',
    found: `namespace ${namespace} at ${address} is unreachable`,
    remedy: 'Check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and TEMPORAL_API_KEY, and that the server is running.',
  };
}
