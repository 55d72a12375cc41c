import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { AgentVersion } from '../../contracts/agent.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { AgentRegistry } from '../agent-registry.ts';
import { versionOf } from '../agent-version.ts';
import { builtinTools } from '../builtin-tools.ts';
import { DEFAULT_TEMPLATE } from '../default-agent.ts';
import type { Agent } from '../define-agent.ts';
import type { Tool } from '../define-tool.ts';
import { fieldProblem, unknownName, type FieldProblem } from '../describe-issues.ts';
import { readModuleTemplate } from './read-module-template.ts';
import { readYamlTemplate } from './read-yaml-template.ts';
import { TemplateError, type TemplateProblem } from './template-error.ts';
import { NOWHERE, readTemplateText, unusable, type Template, type TemplateFile } from './template-file.ts';

export interface LoadOptions {
  /** Tools that templates may name. Default: the built-in ones, set up from `env`. */
  readonly tools?: readonly Tool[];
  /** Default: the process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** Told, in a sentence, what was done instead of what was asked: the example agent for an empty folder. */
  readonly onNotice?: (notice: string) => void;
}

/**
 * Loads the agents in a folder: each `*.yaml` and `*.yml` file holds one, each `*.ts` and `*.js` module
 * exports one or more. Subfolders and files whose names begin with a dot are left alone. A folder that is
 * absent or empty gives the example agent `assistant`, and a notice. Throws one {@link TemplateError} with
 * all that is wrong in all of the files.
 */
export async function loadTemplates(folder: string, options: LoadOptions = {}): Promise<AgentRegistry> {
  const names = await templateNames(folder);
  let paths = names.map((name) => join(folder, name));
  if (paths.length === 0) {
    options.onNotice?.(
      `There are no agent templates in ${folder}; the built-in example agent "assistant" is used. Put a *.yaml, *.ts or *.js file there.`,
    );
    paths = [DEFAULT_TEMPLATE];
  }
  const files: TemplateFile[] = [];
  for (const path of paths) files.push(await readTemplate(path));
  return register(files, options);
}

/**
 * A registry of agents made by `defineAgent`, in which the built-in tools may be named. Throws one
 * {@link TemplateError} with all that is wrong, such as two agents of one name.
 */
export function registerAgents(
  agents: readonly Agent[],
  options: Pick<LoadOptions, 'tools' | 'env'> = {},
): AgentRegistry {
  const files = agents.map((agent) => {
    const file = `agent ${JSON.stringify(agent.spec.name)}`;
    return { templates: [{ file, agent, positionOf: () => NOWHERE }], problems: [] };
  });
  return register(files, options);
}

function register(files: readonly TemplateFile[], { tools, env }: Pick<LoadOptions, 'tools' | 'env'>): AgentRegistry {
  const assembled = assemble(
    files.flatMap(({ templates }) => templates),
    tools ?? builtinTools(env),
  );
  const problems = [...files.flatMap((file) => file.problems), ...assembled.problems];
  if (problems.length > 0) throw new TemplateError(problems);
  return registryOf(assembled.versions, assembled.tools);
}

async function templateNames(folder: string): Promise<readonly string[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new TemplateError(
      unusable(folder, `the folder of agent templates cannot be read (${message}); set PERDURE_AGENTS to one that can`)
        .problems,
    );
  }
  const templates = names
    .filter((name) => /^[^.].*\.(?:ya?ml|ts|js)$/.test(name) && !name.endsWith('.d.ts'))
    .toSorted();
  const limit = LIMITS.templateFiles.value;
  if (templates.length <= limit) return templates;
  throw new TemplateError(unusable(folder, `holds ${templates.length} templates; the limit is ${limit}`).problems);
}

async function readTemplate(path: string): Promise<TemplateFile> {
  let text: string;
  try {
    text = await readTemplateText(path);
  } catch (error) {
    return unusable(path, `this file cannot be used: it ${(error as Error).message}`);
  }
  return /^\.ya?ml$/.test(extname(path)) ? readYamlTemplate(path, text) : await readModuleTemplate(path);
}

interface Assembled {
  readonly versions: ReadonlyMap<string, AgentVersion>;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly problems: readonly TemplateProblem[];
}

/** Gives every agent its tools, and finds what only all templates together show. */
function assemble(templates: readonly Template[], builtin: readonly Tool[]): Assembled {
  const tools = new Map(builtin.map((tool) => [tool.name, tool]));
  const problems = templates.flatMap((template) => addTools(tools, template));
  const versions = new Map<string, AgentVersion>();
  const fileOf = new Map<string, string>();
  for (const template of templates) {
    const { spec } = template.agent;
    const other = fileOf.get(spec.name);
    if (other !== undefined) {
      const message = `there is another agent "${spec.name}" in ${other}; give one of the two another name`;
      problems.push(problemIn(template, fieldProblem(['name'], message)));
    }
    fileOf.set(spec.name, template.file);
    const own: Tool[] = [];
    for (const [at, name] of (spec.tools ?? []).entries()) {
      const tool = tools.get(name);
      if (tool !== undefined) own.push(tool);
      else
        problems.push(problemIn(template, fieldProblem(['tools', at], unknownName('tool', name, [...tools.keys()]))));
    }
    versions.set(spec.name, versionOf(spec, own));
  }
  return { versions, tools, problems };
}

/** Adds the tools that an agent brings along. One name is one tool: a run finds its tools by name. */
function addTools(tools: Map<string, Tool>, template: Template): TemplateProblem[] {
  return template.agent.tools.flatMap((tool) => {
    const other = tools.get(tool.name);
    if (other === undefined) tools.set(tool.name, tool);
    if (other === undefined || other === tool) return [];
    const message = `there is another tool "${tool.name}" already; give one of the two another name`;
    return [problemIn(template, fieldProblem(['tools'], message))];
  });
}

function problemIn({ file, positionOf }: Template, { path, field, message }: FieldProblem): TemplateProblem {
  return { file, ...positionOf(path), field, message };
}

function registryOf(versions: ReadonlyMap<string, AgentVersion>, tools: ReadonlyMap<string, Tool>): AgentRegistry {
  const names = [...versions.keys()].toSorted();
  const specs = names.flatMap((name) => versions.get(name)?.spec ?? []);
  return {
    defaultAgent: versions.has('assistant') ? 'assistant' : (names[0] ?? 'assistant'),
    agent: (name) => versions.get(name),
    list: () => specs,
    tool: (name) => tools.get(name),
  };
}
