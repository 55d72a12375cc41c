import { agentTemplateSchema, type AgentSpec, type AgentTemplate } from '../contracts/agent.ts';
import { canonicalJson } from '../contracts/canonical-json.ts';
import { nameOfAgentTool } from '../contracts/capabilities/agent-tool.ts';
import { nameOfRef } from '../contracts/capabilities/capability.ts';
import { LIMITS } from '../contracts/limits.ts';
import { PROGRAM_TOOL } from '../core/tools/program-tools.ts';
import { describeIssues } from '../core/text/describe-issues.ts';
import { fieldProblem, type FieldProblem } from '../core/text/field-problem.ts';
import { quoteValue } from '../core/text/quote-value.ts';
import { isAgentTool, isMcp, mcpUses, nameOfTool, specOf } from './template-spec.ts';

/** Validates a spec. Returns it, or every problem. Does not check that its tools exist: the loader does. */
export function checkSpec(
  input: unknown,
):
  | { readonly spec: AgentSpec; readonly problems: readonly [] }
  | { readonly spec?: never; readonly problems: readonly FieldProblem[] } {
  const parsed = agentTemplateSchema.safeParse(input);
  if (!parsed.success)
    return { problems: describeIssues(parsed.error.issues, { schema: agentTemplateSchema, input, mayQuote }) };
  const problems = [
    ...modelProblems(parsed.data),
    ...toolProblems(parsed.data),
    ...mcpProblems(parsed.data),
    ...contextProblems(parsed.data),
    ...middlewareProblems(parsed.data),
  ];
  return problems.length > 0 ? { problems } : { spec: specOf(parsed.data), problems: [] };
}

/** The settings of an MCP server may have a secret in a wrong place. */
function mayQuote(path: FieldProblem['path']): boolean {
  return path[0] !== 'mcpServers' || path.length < 3;
}

function modelProblems({ model, fallbackModels }: AgentTemplate): readonly FieldProblem[] {
  if (fallbackModels !== undefined && typeof model !== 'string') {
    const remedy = model === undefined ? 'set `model`, too' : 'add these models to the list in `model`';
    return [fieldProblem(['fallbackModels'], `needs one model in \`model\`; ${remedy}`)];
  }
  const isList = Array.isArray(model);
  const models = isList ? model : model === undefined ? [] : [model, ...(fallbackModels ?? [])];
  return models.flatMap((name, at) =>
    models.indexOf(name) === at
      ? []
      : [
          fieldProblem(
            isList ? ['model', at] : ['fallbackModels', at - 1],
            `the model ${quoteValue(name)} is listed twice; remove one`,
          ),
        ],
  );
}

function toolProblems({ toolChoice = 'auto', ...template }: AgentTemplate): readonly FieldProblem[] {
  const { tools: listed = [] } = template;
  const names = listed.map(nameOfTool);
  const tools = names.filter((name) => name !== null);
  const problems = names.flatMap((name, at) =>
    name === null || names.indexOf(name) === at
      ? []
      : [fieldProblem(['tools', at], `the tool ${quoteValue(name)} is listed twice; remove one`)],
  );
  problems.push(...codeModeProblems(template, tools), ...agentToolProblems(template, tools));
  // The tools of MCP servers are not known before a run.
  if (mcpUses(template).length > 0) return problems;
  if (toolChoice === 'required' && tools.length === 0) {
    problems.push(
      fieldProblem(['toolChoice'], 'is "required", but the agent has no tools; list at least one in `tools`'),
    );
  }
  if (!['auto', 'required', 'none', ...tools].includes(toolChoice)) {
    const choices = ['auto', 'required', 'none', ...tools].join(', ');
    problems.push(fieldProblem(['toolChoice'], `${quoteValue(toolChoice)} is not one of: ${choices}`));
  }
  return problems;
}

function codeModeProblems({ codeMode, ...template }: AgentTemplate, tools: readonly string[]): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const reserved = (template.tools ?? []).findIndex((tool) => nameOfTool(tool) === PROGRAM_TOOL);
  if (reserved >= 0) {
    const message = `${quoteValue(PROGRAM_TOOL)} is the tool that \`codeMode\` adds; set \`codeMode: true\` instead`;
    problems.push(fieldProblem(['tools', reserved], message));
  }
  // The tools of MCP servers are not known before a run.
  if (typeof codeMode !== 'object' || mcpUses(template).length > 0) return problems;
  for (const [at, name] of codeMode.tools.entries()) {
    if (tools.includes(name)) continue;
    problems.push(fieldProblem(['codeMode', 'tools', at], `${quoteValue(name)} is not in \`tools\`; add it there`));
  }
  return problems;
}

function agentToolProblems(
  { tools: listed = [], agentTools = [] }: AgentTemplate,
  tools: readonly string[],
): readonly FieldProblem[] {
  const misnamed = listed.flatMap((tool, at) => {
    if (!isAgentTool(tool) || /^[A-Za-z0-9_-]+$/.test(nameOfAgentTool(tool))) return [];
    const message = `${quoteValue(nameOfAgentTool(tool))} is no name of a tool; set a name without "."`;
    return [fieldProblem(['tools', at, 'name'], message)];
  });
  const unlisted = agentTools.flatMap((tool, at) => {
    const name = nameOfAgentTool(tool);
    if (tools.includes(name)) return [];
    return [fieldProblem(['agentTools', at], `the tool ${quoteValue(name)} is not listed in \`tools\`; add it there`)];
  });
  return [...misnamed, ...unlisted];
}

function mcpProblems(template: AgentTemplate): readonly FieldProblem[] {
  const { tools = [], mcpServers = {} } = template;
  const uses = mcpUses(template);
  const at = (server: string): (string | number)[] => {
    const position = tools.findLastIndex((ref) => isMcp(ref) && ref.mcp === server);
    return position === -1 ? ['mcp'] : ['tools', position];
  };
  const limit = LIMITS.mcpServers.value;
  if (uses.length > limit)
    return [fieldProblem(['tools'], `lists the tools of ${uses.length} MCP servers; the limit is ${limit}`)];
  const servers = uses.map(({ server }) => server);
  const twice = servers.filter((server, position) => servers.indexOf(server) !== position);
  const unused = Object.keys(mcpServers).filter((server) => !servers.includes(server));
  return [
    ...[...new Set(twice)].map((server) =>
      fieldProblem(at(server), `the MCP server ${quoteValue(server)} is listed twice; remove one`),
    ),
    ...unused.map((server) =>
      fieldProblem(
        ['mcpServers', server],
        `is not used; list its tools with { mcp: ${server} } in \`tools\`, or remove the server`,
      ),
    ),
  ];
}

function contextProblems({ context = [], history }: AgentTemplate): readonly FieldProblem[] {
  const names = context.map(nameOfRef);
  if (typeof history === 'object' && names.includes(history.provider)) {
    const message = `the provider ${quoteValue(history.provider)} is listed in \`context\`, too; remove one`;
    return [fieldProblem(['history', 'provider'], message)];
  }
  return names.flatMap((name, at) =>
    names.indexOf(name) === at
      ? []
      : [fieldProblem(['context', at], `the context provider ${quoteValue(name)} is listed twice; remove one`)],
  );
}

/** The same middleware may be listed with other options. */
function middlewareProblems({ middleware = [] }: AgentTemplate): readonly FieldProblem[] {
  const listed = middleware.map((ref) => canonicalJson(ref));
  return middleware.flatMap((ref, at) =>
    listed.indexOf(listed[at] ?? '') === at
      ? []
      : [fieldProblem(['middleware', at], `the middleware ${quoteValue(nameOfRef(ref))} is listed twice; remove one`)],
  );
}
