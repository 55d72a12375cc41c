import { readdir } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import type { AgentVersion, ToolSpec } from '../../contracts/agent.ts';
import { toolNameOf } from '../../contracts/approvals/approval-settings.ts';
import { nameOfAgentTool } from '../../contracts/capabilities/agent-tool.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { AgentRegistry } from '../agent-registry.ts';
import { versionOf } from '../agent-version.ts';
import { builtinTools } from '../builtin-tools.ts';
import { DEFAULT_TEMPLATE } from '../default-agent.ts';
import type { Agent } from '../define-agent.ts';
import type { Tool } from '../define-tool.ts';
import { suggestName } from '../../core/text/closest-name.ts';
import { fieldProblem } from '../../core/text/field-problem.ts';
import { resolveAgentTools } from './agent-tools.ts';
import { contextCapabilities, resolveContext, type ContextCapabilities } from './context-capabilities.ts';
import { approvalCapabilities, checkApprovals, type ApprovalCapabilities } from './approval-capabilities.ts';
import { checkMiddleware, middlewareCapabilities, type MiddlewareCapabilities } from './middleware-capabilities.ts';
import type { NamedCapabilities } from './named-capabilities.ts';
import { isLibraryFolder } from './library-folder.ts';
import { EXPORTS_NO_AGENT, readModuleTemplate } from './read-module-template.ts';
import { readYamlTemplate } from './read-yaml-template.ts';
import { TemplateError, type TemplateProblem } from './template-error.ts';
import {
  invalidFile,
  problemIn,
  readTemplateText,
  UNKNOWN_POSITION,
  type ExportedApproval,
  type Template,
  type TemplateFile,
} from './template-file.ts';

export interface LoadOptions {
  /** Tools that templates may name. Default: the built-in tools, configured from `env`. */
  readonly tools?: readonly Tool[];
  /** Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  /** Increment it to evaluate the modules again. Default 0. */
  readonly revision?: number;
  /** Called with a message for the user when the folder is empty and the example agent is used. */
  readonly onNotice?: (notice: string) => void;
}

/**
 * Loads the agents of a folder: each `*.yaml` and `*.yml` file defines one, each `*.ts` and `*.js` module exports one or
 * more. Ignores subfolders and files whose names begin with a dot. A missing or empty folder gives the example agent
 * `assistant` and a notice. Throws one {@link TemplateError} with the problems of all files.
 */
export async function loadTemplates(folder: string, options: LoadOptions = {}): Promise<AgentRegistry> {
  if (isLibraryFolder(folder)) {
    const message = "is Perdure's own code, not a folder of agents; name yours with --agents or PERDURE_AGENTS";
    throw new TemplateError(invalidFile(folder, `${message} (Perdure's examples: --agents examples/agents)`).problems);
  }
  const names = await templateNames(folder);
  let paths = names.map((name) => join(folder, name));
  if (paths.length === 0) {
    options.onNotice?.(
      `No agent templates in ${folder}: using the example agent "assistant". Add a *.yaml, *.ts or *.js file there.`,
    );
    paths = [DEFAULT_TEMPLATE];
  }
  const files: TemplateFile[] = [];
  for (const path of paths) files.push(await readTemplate(path, options.revision));
  if (isFolderOfCode(files)) {
    const message = `none of its ${files.length} modules exports an agent, so it is not a folder of agents; name yours with --agents or PERDURE_AGENTS`;
    throw new TemplateError(invalidFile(folder, message).problems);
  }
  if (files.every(({ templates, problems }) => templates.length === 0 && problems.length === 0)) {
    const message =
      'has context providers or middleware and no agent; add a template, or export an agent created by defineAgent';
    throw new TemplateError(invalidFile(folder, message).problems);
  }
  return register(files, options, resolve(folder));
}

/**
 * Returns a registry of agents created by `defineAgent`, which may name built-in tools. Throws one
 * {@link TemplateError} with all problems, such as two agents of the same name.
 */
export function registerAgents(
  agents: readonly Agent[],
  options: Pick<LoadOptions, 'tools' | 'env'> = {},
): AgentRegistry {
  const files = agents.map((agent, index) => ({
    templates: [{ file: `agents[${index}]`, agent, positionOf: () => UNKNOWN_POSITION }],
    problems: [],
  }));
  return register(files, options, process.cwd());
}

/** `folder`: what relative paths in options refer to. */
function register(
  files: readonly TemplateFile[],
  { tools, env }: Pick<LoadOptions, 'tools' | 'env'>,
  folder: string,
): AgentRegistry {
  const assembled = assemble(files, tools ?? builtinTools(env), folder);
  const problems = [...files.flatMap((file) => file.problems), ...assembled.problems];
  if (problems.length > 0) throw new TemplateError(problems);
  return registryOf(assembled, folder);
}

async function templateNames(folder: string): Promise<readonly string[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new TemplateError(
      invalidFile(
        folder,
        `the folder of agents cannot be read (${message}); name another with --agents or PERDURE_AGENTS`,
      ).problems,
    );
  }
  const templates = names
    .filter((name) => /^[^.].*\.(?:ya?ml|ts|js)$/.test(name) && !name.endsWith('.d.ts'))
    .toSorted();
  const limit = LIMITS.templateFiles.value;
  if (templates.length <= limit) return templates;
  throw new TemplateError(invalidFile(folder, `has ${templates.length} templates; the limit is ${limit}`).problems);
}

/** Whether all of several files are modules that export no agent: then the folder is the problem, not each file. */
function isFolderOfCode(files: readonly TemplateFile[]): boolean {
  return files.length > 1 && files.every(({ problems }) => problems[0]?.message === EXPORTS_NO_AGENT);
}

async function readTemplate(path: string, revision?: number): Promise<TemplateFile> {
  let text: string;
  try {
    text = await readTemplateText(path);
  } catch (error) {
    return invalidFile(path, `cannot be used: it ${(error as Error).message}`);
  }
  return /^\.ya?ml$/.test(extname(path)) ? readYamlTemplate(path, text) : await readModuleTemplate(path, revision);
}

interface Assembled {
  readonly versions: ReadonlyMap<string, AgentVersion>;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly context: ContextCapabilities;
  readonly middleware: MiddlewareCapabilities;
  readonly approvals: ApprovalCapabilities;
  readonly problems: readonly TemplateProblem[];
}

/** Resolves the tools, context providers and middleware of every agent, and finds the problems between templates. */
function assemble(files: readonly TemplateFile[], builtin: readonly Tool[], folder: string): Assembled {
  const templates = files.flatMap((file) => file.templates);
  const tools = new Map(builtin.map((tool) => [tool.name, tool]));
  const context = contextCapabilities();
  const middleware = middlewareCapabilities();
  const approvals = approvalCapabilities();
  const problems = [
    ...templates.flatMap((template) => addTools(tools, template, template.agent.tools, 'tools')),
    ...files.flatMap((file) => addNamed(context, file, 'context')),
    ...files.flatMap((file) => addNamed(middleware, file, 'middleware')),
    ...files.flatMap(({ predicates = [] }) => addExported(approvals.predicates, predicates)),
    ...files.flatMap(({ evaluators = [] }) => addExported(approvals.evaluators, evaluators)),
  ];
  const specs = new Map(templates.map(({ agent: { spec } }) => [spec.name, spec]));
  const versions = new Map<string, AgentVersion>();
  const fileOf = new Map<string, string>();
  for (const template of templates) {
    const { spec } = template.agent;
    const other = fileOf.get(spec.name);
    if (other !== undefined) {
      const message = `the agent "${spec.name}" is also defined in ${other}; rename one of them`;
      problems.push(problemIn(template, fieldProblem(['name'], message)));
    }
    fileOf.set(spec.name, template.file);
    const agentTools = resolveAgentTools(template, specs, tools);
    problems.push(...agentTools.problems);
    const isAgent = new Set(spec.agentTools?.map(nameOfAgentTool));
    const own: (Tool | ToolSpec)[] = [];
    for (const [at, name] of (spec.tools ?? []).map(toolNameOf).entries()) {
      const tool = isAgent.has(name) ? agentTools.resolved.get(name) : tools.get(name);
      if (tool !== undefined) own.push(tool);
      else if (!isAgent.has(name))
        problems.push(
          problemIn(
            template,
            fieldProblem(['tools', at], `unknown tool "${name}"; ${suggestName(name, [...tools.keys()], 'tools')}`),
          ),
        );
    }
    const providers = resolveContext(context, template, folder);
    problems.push(...providers.problems);
    for (const provider of providers.resolved) problems.push(...addTools(tools, template, provider.tools, 'context'));
    problems.push(...checkMiddleware(middleware, template), ...checkApprovals(approvals, template, tools));
    versions.set(spec.name, versionOf(spec, own));
  }
  return { versions, tools, context, middleware, approvals, problems };
}

/** Adds the tools that an agent or one of its context providers defines. Tool names are unique, because runs resolve tools by name. */
function addTools(
  tools: Map<string, Tool>,
  template: Template,
  given: readonly Tool[],
  field: 'tools' | 'context',
): TemplateProblem[] {
  return given.flatMap((tool) => {
    const other = tools.get(tool.name);
    if (other === undefined) tools.set(tool.name, tool);
    if (other === undefined || other === tool) return [];
    const message = `another tool is already called "${tool.name}"; rename one of them`;
    return [problemIn(template, fieldProblem([field], message))];
  });
}

/** Adds the context providers or the middleware that a file exports, and those that its agents were given. */
function addNamed<Definition extends { readonly name: string }>(
  known: NamedCapabilities<Definition>,
  { templates, ...exported }: TemplateFile,
  field: 'context' | 'middleware',
): TemplateProblem[] {
  type Found = Pick<Template, 'file' | 'positionOf'> & { readonly definition: Definition };
  const given = templates.flatMap(({ agent, ...at }) => agent[field].map(({ definition }) => ({ ...at, definition })));
  const others = (exported[field] ?? []).map((one) => ({ ...one, positionOf: () => UNKNOWN_POSITION }));
  return ([...given, ...others] as unknown as readonly Found[]).flatMap(({ definition, ...at }) =>
    known.add(definition).map((problem) => problemIn(at, problem)),
  );
}

/** Adds the predicates or evaluators of approvals that a file exports. */
function addExported<Definition extends { readonly name: string }>(
  known: NamedCapabilities<Definition>,
  exported: readonly ExportedApproval<Definition>[],
): TemplateProblem[] {
  return exported.flatMap(({ file, definition }) =>
    known.add(definition).map((problem) => problemIn({ file, positionOf: () => UNKNOWN_POSITION }, problem)),
  );
}

function registryOf({ versions, tools, context, middleware, approvals }: Assembled, folder: string): AgentRegistry {
  const names = [...versions.keys()].toSorted();
  const specs = names.flatMap((name) => versions.get(name)?.spec ?? []);
  return {
    defaultAgent: versions.has('assistant') ? 'assistant' : (names[0] ?? 'assistant'),
    agent: (name) => versions.get(name),
    list: () => specs,
    tool: (name) => tools.get(name),
    contextProvider: (name) => context.get(name),
    middleware: (name) => middleware.get(name),
    approvalPredicate: (name) => approvals.predicates.get(name),
    approvalEvaluator: (name) => approvals.evaluators.get(name),
    folder,
  };
}
