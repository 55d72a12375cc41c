import type { AgentSpec, ToolSpec } from '../contracts/agent.ts';
import { AGENT_TOOL_PARAMETERS, nameOfAgentTool, type AgentTool } from '../contracts/capabilities/agent-tool.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { Agent } from './define-agent.ts';

/**
 * Makes an agent a tool of another one: `tools: [agentTool(researcher, { budget: { usd: 0.1 } })]`. Each call is a run of
 * its own of that agent. It is found by its name among the agents of the folder, so export it from a module there.
 */
export function agentTool(agent: Agent | string, options: Omit<AgentTool, 'agent'> = {}): AgentTool {
  return { agent: typeof agent === 'string' ? agent : agent.spec.name, ...options };
}

/** The part of such a tool that a run pins when it starts. `target`: the agent that executes the calls. */
export function agentToolSpec(tool: AgentTool, target: Pick<AgentSpec, 'name' | 'description'>): ToolSpec {
  const { budget, maxParallel } = tool;
  return {
    name: nameOfAgentTool(tool),
    description: tool.description ?? target.description ?? `Gives a task to the agent ${target.name}.`,
    parameters: AGENT_TOOL_PARAMETERS,
    // The run of a call is made once. A worker of a version that cannot make it fails the call.
    idempotent: true,
    timeoutMs: LIMITS.toolMs.value,
    retry: { maxAttempts: 1 },
    agent: { name: tool.agent, ...(budget ? { budget } : {}), ...(maxParallel === undefined ? {} : { maxParallel }) },
  };
}
