import type { ConnectionSettings } from '../../client/temporal/connection-options.ts';
import { lazyClient } from '../../client/temporal/temporal-connection.ts';
import { DEFAULT_DEPLOYMENT } from '../../contracts/worker.ts';
import { readBuilds } from '../services/builds.ts';
import type { Finding } from './finding.ts';

const CHECK = 'Builds';
const DEADLINE_MS = 3_000;

/** With worker versioning: checks that a build is current. Until then, no worker takes up a session. Empty without versioning. */
export async function checkBuilds(env: NodeJS.ProcessEnv, connection: ConnectionSettings): Promise<readonly Finding[]> {
  const name = env['PERDURE_DEPLOYMENT'] || DEFAULT_DEPLOYMENT;
  const temporal = lazyClient(connection, undefined, {});
  try {
    const client = temporal.get();
    const read = () => readBuilds({ client, namespace: client.options.namespace, name });
    const builds = await client.withDeadline(Date.now() + DEADLINE_MS, read);
    if (builds.length === 0) return [];
    const current = builds.find(({ isCurrent }) => isCurrent);
    if (current !== undefined) {
      return [{ check: CHECK, state: 'ok', found: `new sessions start on ${current.build}`, remedy: null }];
    }
    const found = `none of ${builds.map(({ build }) => build).join(', ')} is current, so their workers take up no session`;
    // Workers without a build serve, as long as no build is current.
    return [{ check: CHECK, state: 'note', found, remedy: 'Choose one with `perdure deploy promote <build>`.' }];
  } catch {
    // The check of Temporal reports it.
    return [];
  } finally {
    await temporal.close();
  }
}
