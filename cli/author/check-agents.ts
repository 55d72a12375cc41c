import type { AgentRegistry } from '../../agents/agent-registry.ts';
import { displayPath } from '../../agents/templates/display-path.ts';
import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import { loadTemplates } from '../../agents/templates/load-templates.ts';
import { TemplateError } from '../../agents/templates/template-error.ts';
import { unkeptHistory } from '../../hosting/unkept-history.ts';
import { unknownModels } from '../../hosting/unknown-models.ts';
import { createModelDirectory } from '../../models/directory/model-directory.ts';
import { readSettings } from '../services/settings.ts';
import { modelList } from '../look/model-list.ts';
import { toolList } from '../shared/tool-list.ts';
import { formatCount } from '../render/format-count.ts';
import { oneLine } from '../render/one-line.ts';
import { printTable } from '../render/print-table.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { EXIT } from '../shared/exit-codes.ts';
import { renewEditorSchema } from './editor-schema.ts';

/** `perdure agents check`: loads the agents of a folder as a worker does, and prints them, or every problem. Resolves with the exit code. */
export async function checkAgents(deps: CommandDeps, folder: string, env: NodeJS.ProcessEnv): Promise<number> {
  const notices: string[] = [];
  try {
    const registry = await loadTemplates(folder, { env, onNotice: (notice) => notices.push(notice) });
    await renewEditorSchema(folder);
    const problems = await modelProblems(registry, env);
    if (problems.length > 0)
      throw new TemplateError(problems.map((problem) => ({ file: folder, line: null, column: null, ...problem })));
    const versions = registry.list().flatMap(({ name }) => registry.agent(name) ?? []);
    if (deps.json) {
      deps.printJson({ agents: versions.map(({ hash, spec }) => ({ ...spec, version: hash })), problems: [], notices });
      return EXIT.ok;
    }
    for (const notice of notices) deps.hint(notice);
    const rows = versions.map(({ hash, spec }) => [
      spec.name,
      hash.slice(0, 8),
      spec.model === undefined ? "the deployment's default" : modelList({ ...spec, model: spec.model }),
      toolList(spec),
      oneLine(spec.description ?? ''),
    ]);
    printTable(deps, [['AGENT', 'VERSION', 'MODEL', 'TOOLS', 'DESCRIPTION'], ...rows]);
    deps.hint(`${formatCount(versions.length, 'agent')} in ${displayPath(folder)}, no problems.`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    if (deps.json) deps.printJson({ agents: [], problems: error.problems, notices });
    else deps.print(error.message);
    return EXIT.failed;
  }
}

/** Models that do not exist, and providers that are to keep conversations and cannot. Calls no provider: what the default model would be is left open unless it is set. */
async function modelProblems(
  registry: AgentRegistry,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly field: string; readonly message: string }[]> {
  const { deploymentFile, deploymentChosen } = readSettings(env);
  const { providers } = await loadDeployment(deploymentFile, { chosen: deploymentChosen });
  const defaultModel = env['PERDURE_MODEL'] || null;
  const models = await createModelDirectory({
    env: { ...env, PERDURE_MODEL: defaultModel ?? 'scripted/echo' },
    providers,
  });
  const problems = {
    model: unknownModels(registry, models),
    history: unkeptHistory(registry, { resolve: (name) => models.resolve(name), defaultModel }),
  };
  return Object.entries(problems).flatMap(([field, message]) => (message === null ? [] : [{ field, message }]));
}
