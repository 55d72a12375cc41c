import { loadTemplates } from '../../agents/templates/load-templates.ts';
import { TemplateError } from '../../agents/templates/template-error.ts';
import { CliError } from '../shared/exit-codes.ts';
import type { Finding } from './finding.ts';
import { readSettings } from '../services/settings.ts';

/** Whether the agents can be loaded. Evaluates their modules, as a worker does. */
export async function checkAgents(env: NodeJS.ProcessEnv): Promise<Finding> {
  const check = 'Agents';
  const notices: string[] = [];
  try {
    const { agentsDir } = readSettings(env);
    const agents = await loadTemplates(agentsDir, { env, onNotice: (notice) => notices.push(notice) });
    const names = agents.list().map(({ name }) => name);
    if (notices.length > 0) return { check, state: 'note', found: notices.join(' '), remedy: null };
    return { check, state: 'ok', found: `${names.join(', ')}, in ${agentsDir}`, remedy: null };
  } catch (error) {
    if (error instanceof CliError) return { check, state: 'note', found: 'not known without settings', remedy: null };
    if (!(error instanceof TemplateError)) throw error;
    return { check, state: 'problem', found: error.message, remedy: 'Correct these files, or name another folder.' };
  }
}
