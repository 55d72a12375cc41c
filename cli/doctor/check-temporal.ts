import { createTemporalSender } from '../../client/temporal/temporal-sender.ts';
import { lazyClient } from '../../client/temporal/temporal-connection.ts';
import type { Finding } from './finding.ts';

/** Checks that Temporal is reachable: the configured server, or that of the running `perdure start`. `address` undefined: there is neither. */
export async function checkTemporal(env: NodeJS.ProcessEnv, address: string | undefined): Promise<Finding> {
  if (address === undefined) {
    return {
      check: 'Temporal',
      state: 'note',
      found: 'not running; `perdure start` starts one',
      remedy: 'To use another server, set TEMPORAL_ADDRESS.',
    };
  }
  const temporal = lazyClient({ address }, undefined, env);
  try {
    if (await createTemporalSender({ client: temporal.get() }).ready()) {
      return { check: 'Temporal', state: 'ok', found: `reachable at ${address}`, remedy: null };
    }
  } finally {
    await temporal.close();
  }
  const namespace = env['TEMPORAL_NAMESPACE'] || 'default';
  return {
    check: 'Temporal',
    state: 'problem',
    found: `namespace ${namespace} at ${address} is unreachable`,
    remedy: 'Check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and TEMPORAL_API_KEY, and that the server is running.',
  };
}
