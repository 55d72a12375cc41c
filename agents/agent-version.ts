import type { AgentSpec, AgentVersion } from '../contracts/agent.ts';
import { agentHash } from '../contracts/agent-hash.ts';
import { toolSpecOf, type Tool } from './define-tool.ts';

/** An agent as a run pins it, under the hash of its content. */
export function versionOf(spec: AgentSpec, tools: readonly Tool[]): AgentVersion {
  const content = { spec, tools: tools.map(toolSpecOf) };
  return { hash: agentHash(content), ...content };
}
