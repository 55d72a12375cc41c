import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import { TemplateError } from '../../agents/templates/template-error.ts';
import { CliError } from '../shared/exit-codes.ts';
import type { Finding } from './finding.ts';
import { readSettings } from '../services/settings.ts';

/** Checks that the deployment file, if any, is valid. */
export async function checkDeploymentFile(env: NodeJS.ProcessEnv): Promise<Finding> {
  const check = 'Settings';
  try {
    const { deploymentFile, deploymentChosen } = readSettings(env);
    const set = Object.keys(await loadDeployment(deploymentFile, { chosen: deploymentChosen }));
    const found =
      set.length === 0
        ? `defaults (${deploymentFile} is missing or empty)`
        : `${deploymentFile} sets ${set.join(', ')}`;
    return { check, state: 'ok', found, remedy: null };
  } catch (error) {
    if (!(error instanceof TemplateError) && !(error instanceof CliError)) throw error;
    return { check, state: 'problem', found: error.message, remedy: 'See docs/settings.md for the settings.' };
  }
}
