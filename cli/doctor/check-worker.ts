import { createTemporalSender } from '../../client/temporal/temporal-sender.ts';
import { lazyClient } from '../../client/temporal/temporal-connection.ts';
import type { Finding } from './finding.ts';
import { formatCount } from '../render/format-count.ts';

/** Checks that a worker polls Temporal. Without one, messages are accepted but not answered. */
export async function checkWorker(env: NodeJS.ProcessEnv): Promise<Finding> {
  const check = 'Worker';
  const temporal = lazyClient({ address: env['TEMPORAL_ADDRESS'] }, undefined, env);
  try {
    const workers = await createTemporalSender({ client: temporal.get() }).workers();
    if (workers > 0)
      return {
        check,
        state: 'ok',
        found: `${formatCount(workers, 'worker')} polling`,
        remedy: null,
      };
    const remedy = 'Start one with `perdure worker`, or everything with `npm start`. Messages wait until then.';
    return { check, state: 'note', found: 'none polled within the last 70 s', remedy };
  } catch {
    return { check, state: 'note', found: 'unknown without Temporal', remedy: null };
  } finally {
    await temporal.close();
  }
}
