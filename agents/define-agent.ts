import type { z } from 'zod';
import type { AgentTool } from '../contracts/capabilities/agent-tool.ts';
import type { JsonObject } from '../contracts/json.ts';
import { isZodSchema, jsonSchemaOf } from '../contracts/output/zod-output.ts';
import type { ToolRef } from '../contracts/approvals/approval-settings.ts';
import type { AgentSpec } from '../contracts/agent.ts';
import type { CapabilityRef } from '../contracts/capabilities/capability.ts';
import type { McpToolsRef } from '../contracts/mcp/mcp-tools.ts';
import type { HistoryProviderRef } from '../contracts/session/history.ts';
import { isContextProvider, type ContextProvider, type ContextProviderFactory } from './context/context-provider.ts';
import type { HistoryProvider } from './context/define-history-provider.ts';
import { checkSpec } from './check-spec.ts';
import type { Tool } from './define-tool.ts';
import { isMiddleware, type Middleware, type MiddlewareFactory } from './middleware/middleware.ts';

/** Identifies agents across copies of this module: a template may import it by another path. */
const AGENT: unique symbol = Symbol.for('perdure.agent') as never;

/** An agent with the tools that it defines. Created by {@link defineAgent}. */
export interface Agent {
  /** The declarative part. `tools` holds the names of the agent's tools, in order; `mcp` the MCP servers whose tools it uses. */
  readonly spec: AgentSpec;
  /** The tools given as objects. Tools given by name are resolved when templates are loaded. */
  readonly tools: readonly Tool[];
  /** The context providers given as objects. Those given by name are resolved when templates are loaded. */
  readonly context: readonly (ContextProvider | ContextProviderFactory)[];
  /** The middleware given as objects, as for `context`. */
  readonly middleware: readonly (Middleware | MiddlewareFactory)[];
  readonly [AGENT]: true;
}

/** The fields of a YAML template; `tools`, `context` and `middleware` also take objects. `model` takes a list: the next one is asked when one gives no answer. Spread a spec to derive an agent: `{ ...base.spec, name: 'other' }`. */
export interface AgentOptions extends Omit<
  AgentSpec,
  'tools' | 'context' | 'history' | 'middleware' | 'output' | 'model'
> {
  readonly model?: string | readonly string[] | undefined;
  /** Tools: objects, references as in a template, agents by `agentTool`, and the tools of MCP servers: `{ mcp: 'docs' }`. */
  readonly tools?: readonly (Tool | ToolRef | AgentTool | McpToolsRef)[] | undefined;
  /** Context providers, in the order in which they are called. Default: none. */
  readonly context?: readonly (ContextProvider | CapabilityRef)[] | undefined;
  /** Where the conversation is kept: `true` (default) in the store, `false` nowhere, `service` by the model's provider, or by a history provider. */
  readonly history?:
    | AgentSpec['history']
    | (Omit<HistoryProviderRef, 'provider'> & { readonly provider: HistoryProvider | string });
  /** Middleware, the first one outermost. Default: none. */
  readonly middleware?: readonly (Middleware | CapabilityRef)[] | undefined;
  /** The schema of the agent's answers: JSON Schema, or a zod object, whose JSON Schema is used. Default: answers are text. */
  readonly output?: { readonly schema: z.ZodType | JsonObject } | undefined;
}

/** Defines an agent. Throws a TypeError that lists every invalid field with its value and the remedy. */
export function defineAgent(options: AgentOptions): Agent {
  const given = Array.isArray(options?.tools) ? options.tools : [];
  const tools = given.filter((tool): tool is Tool => isTool(tool));
  const providers: readonly unknown[] = Array.isArray(options?.context) ? options.context : [];
  const history = typeof options?.history === 'object' ? options.history : null;
  const context = [history?.provider, ...providers].filter(isContextProvider);
  const hooks: readonly unknown[] = Array.isArray(options?.middleware) ? options.middleware : [];
  const middleware = hooks.filter(isMiddleware);
  const input: unknown = {
    ...options,
    ...(Array.isArray(options?.tools) ? { tools: options.tools.map((tool) => (isTool(tool) ? tool.name : tool)) } : {}),
    ...(Array.isArray(options?.context) ? { context: providers.map(refOf) } : {}),
    ...(isContextProvider(history?.provider)
      ? { history: { ...history, provider: history.provider.definition.name } }
      : {}),
    ...(Array.isArray(options?.middleware) ? { middleware: hooks.map(refOf) } : {}),
    ...outputOf(options),
  };
  const checked = checkSpec(input);
  if (checked.spec === undefined) {
    const list = checked.problems.map(({ field, message }) => `\n  ${field === '' ? 'options' : field}: ${message}`);
    throw new TypeError(`The agent ${JSON.stringify(options?.name) ?? 'without a name'} is not valid:${list.join('')}`);
  }
  return Object.freeze({ spec: checked.spec, tools, context, middleware, [AGENT]: true as const });
}

/** Whether a value was created by {@link defineAgent}. */
export function isAgent(value: unknown): value is Agent {
  return typeof value === 'object' && value !== null && AGENT in value;
}

/** The output of an agent with its zod schema, if it is one, as JSON Schema. */
function outputOf(options: AgentOptions): { readonly output?: AgentSpec['output'] } {
  const { name, output } = options ?? {};
  if (!output || !isZodSchema(output.schema)) return {};
  try {
    return { output: { ...output, schema: jsonSchemaOf(output.schema) } };
  } catch (error) {
    throw new TypeError(
      `The agent ${JSON.stringify(name)} has an output that JSON Schema cannot express: ${(error as Error).message}. Use objects, arrays, strings, numbers and booleans.`,
      { cause: error },
    );
  }
}

/** The declarative form of a provider or middleware. Any other value is returned as it is, to be checked. */
function refOf(value: unknown): unknown {
  if (!isContextProvider(value) && !isMiddleware(value)) return value;
  const { name } = value.definition;
  return 'options' in value && value.options !== null ? { [name]: value.options } : name;
}

function isTool(value: unknown): value is Tool {
  return typeof value === 'object' && value !== null && 'execute' in value && 'jsonSchema' in value;
}
