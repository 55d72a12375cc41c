import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import type { ProviderSettings } from '../../contracts/provider.ts';
import { readSettings } from '../services/settings.ts';

/** The providers of the deployment file. Rejects if the file or a setting is invalid, which other checks report. */
export async function readProviders(env: NodeJS.ProcessEnv): Promise<Readonly<Record<string, ProviderSettings>>> {
  const { deploymentFile, deploymentChosen } = readSettings(env);
  return (await loadDeployment(deploymentFile, { chosen: deploymentChosen })).providers ?? {};
}
