import type { AgentSpec, AgentVersion, ToolSpec } from '../contracts/agent.ts';
import { agentHash } from '../contracts/agent-hash.ts';
import { runProgram } from './tools/run-program.ts';
import { toolSpecOf, type Tool } from './define-tool.ts';

/** The version of an agent that a run pins: its spec and tools under the hash of both. Code mode adds the tool of programs. */
export function versionOf(spec: AgentSpec, tools: readonly (Tool | ToolSpec)[]): AgentVersion {
  const approvals = new Map(
    (spec.tools ?? []).flatMap((ref) =>
      typeof ref === 'object' && 'name' in ref ? [[ref.name, ref.approval] as const] : [],
    ),
  );
  const specOf = (tool: Tool | ToolSpec) => ('jsonSchema' in tool ? toolSpecOf(tool, approvals.get(tool.name)) : tool);
  const all = spec.codeMode === undefined ? tools : [...tools, runProgram];
  const content = { spec, tools: all.map(specOf) };
  return { hash: agentHash(content), ...content };
}
