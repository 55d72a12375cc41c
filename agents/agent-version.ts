import type { AgentSpec, AgentVersion } from '../contracts/agent.ts';
import { agentHash } from '../contracts/agent-hash.ts';
import { toolSpecOf, type Tool } from './define-tool.ts';

/** The version of an agent that a run pins: its spec and tools under the hash of both. */
export function versionOf(spec: AgentSpec, tools: readonly Tool[]): AgentVersion {
  const content = { spec, tools: tools.map(toolSpecOf) };
  return { hash: agentHash(content), ...content };
}
