import { createTemporalSender } from '../../client/temporal/temporal-sender.ts';
import { lazyClient } from '../../client/temporal/temporal-connection.ts';
import type { Finding } from './finding.ts';
import { formatCount } from '../render/format-count.ts';

/** Whether a worker asks Temporal for work: without one, messages are accepted and not answered. */
export async function checkWorker(env: NodeJS.ProcessEnv): Promise<Finding> {
  const check = 'Worker';
  const temporal = lazyClient({ address: env['TEMPORAL_ADDRESS'] }, undefined, env);
  try {
    const workers = await createTemporalSender({ client: temporal.get() }).workers();
    if (workers > 0)
      return {
        check,
        state: 'ok',
        found: `${formatCount(workers, 'worker asks', 'workers ask')} for work`,
        remedy: null,
      };
    const remedy = 'Start one with `perdure worker`, or everything with `npm start`. Until then messages wait.';
    return { check, state: 'note', found: 'none asked for work within the last 70 s', remedy };
  } catch {
    return { check, state: 'note', found: 'not known without Temporal', remedy: null };
  } finally {
    await temporal.close();
  }
}
