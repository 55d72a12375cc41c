import type { AgentSpec, AgentVersion, ToolSpec } from '../../contracts/agent.ts';
import { questionsMs } from '../mcp/questions-ms.ts';
import { declareTools } from './declare-tools.ts';

/** The tool that executes a program of the model. Agents have it by `codeMode`. */
export const PROGRAM_TOOL = 'run_program';

/** Whether a tool of an agent is called by programs, and not by the model itself. The model itself calls other agents, and tools whose servers may ask the user. */
function isCalledByPrograms(
  spec: Pick<AgentSpec, 'codeMode' | 'mcp'>,
  tool: Pick<ToolSpec, 'name' | 'agent' | 'mcp'>,
): boolean {
  const { codeMode } = spec;
  const { name } = tool;
  if (codeMode === undefined || name === PROGRAM_TOOL || tool.agent || questionsMs(spec, tool) !== null) return false;
  return codeMode === true || codeMode.tools.includes(name);
}

/** The tools that programs of an agent call. */
export function toolsOfPrograms({ spec, tools }: Pick<AgentVersion, 'spec' | 'tools'>): readonly ToolSpec[] {
  return tools.filter((tool) => isCalledByPrograms(spec, tool));
}

/** The tools that a model is given. With code mode, the description of {@link PROGRAM_TOOL} declares those that programs call. */
export function toolsForModel(agent: Pick<AgentVersion, 'spec' | 'tools'>): readonly ToolSpec[] {
  if (agent.spec.codeMode === undefined) return agent.tools;
  const declared = declareTools(toolsOfPrograms(agent));
  return agent.tools
    .filter((tool) => !isCalledByPrograms(agent.spec, tool))
    .map((tool) =>
      tool.name === PROGRAM_TOOL ? { ...tool, description: `${tool.description}\n\n${declared}` } : tool,
    );
}
