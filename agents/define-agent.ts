import { agentSpecSchema, type AgentSpec } from '../contracts/agent.ts';
import { describeIssues } from '../core/text/describe-issues.ts';
import { fieldProblem, type FieldProblem } from '../core/text/field-problem.ts';
import { quoteValue } from '../core/text/quote-value.ts';
import type { Tool } from './define-tool.ts';

/** Identifies agents across copies of this module: a template may import it by another path. */
const AGENT: unique symbol = Symbol.for('perdure.agent') as never;

/** An agent with the tools that it defines. Created by {@link defineAgent}. */
export interface Agent {
  /** The declarative part. `tools` holds the names of all of the agent's tools, in order. */
  readonly spec: AgentSpec;
  /** The tools given as objects. Tools given by name are resolved when templates are loaded. */
  readonly tools: readonly Tool[];
  readonly [AGENT]: true;
}

/** The fields of a YAML template; `tools` also takes tools as objects. Spread a spec to derive an agent: `{ ...base.spec, name: 'other' }`. */
export interface AgentOptions extends Omit<AgentSpec, 'tools'> {
  readonly tools?: readonly (Tool | string)[] | undefined;
}

/** Defines an agent. Throws a TypeError that lists every invalid field with its value and the remedy. */
export function defineAgent(options: AgentOptions): Agent {
  const given = Array.isArray(options?.tools) ? options.tools : [];
  const tools = given.filter((tool): tool is Tool => isTool(tool));
  const input: unknown = Array.isArray(options?.tools)
    ? { ...options, tools: options.tools.map((tool) => (isTool(tool) ? tool.name : tool)) }
    : options;
  const checked = checkSpec(input);
  if (checked.spec === undefined) {
    const list = checked.problems.map(({ field, message }) => `\n  ${field === '' ? 'options' : field}: ${message}`);
    throw new TypeError(`The agent ${JSON.stringify(options?.name) ?? 'without a name'} is not valid:${list.join('')}`);
  }
  return Object.freeze({ spec: checked.spec, tools, [AGENT]: true as const });
}

/** Whether a value was created by {@link defineAgent}. */
export function isAgent(value: unknown): value is Agent {
  return typeof value === 'object' && value !== null && AGENT in value;
}

/** Validates a spec. Returns it, or every problem. Does not check that its tools exist: the loader does. */
export function checkSpec(
  input: unknown,
):
  | { readonly spec: AgentSpec; readonly problems: readonly [] }
  | { readonly spec?: never; readonly problems: readonly FieldProblem[] } {
  const parsed = agentSpecSchema.safeParse(input);
  if (!parsed.success)
    return { problems: describeIssues(parsed.error.issues, { schema: agentSpecSchema, input, mayQuote: true }) };
  const problems = toolProblems(parsed.data);
  return problems.length > 0 ? { problems } : { spec: parsed.data, problems: [] };
}

function toolProblems({ tools = [], toolChoice = 'auto' }: AgentSpec): readonly FieldProblem[] {
  const problems = tools.flatMap((name, at) =>
    tools.indexOf(name) === at
      ? []
      : [fieldProblem(['tools', at], `the tool ${quoteValue(name)} is listed twice; remove one`)],
  );
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

function isTool(value: unknown): value is Tool {
  return typeof value === 'object' && value !== null && 'execute' in value && 'jsonSchema' in value;
}
