import type { AgentSpec, AgentVersion } from '../../contracts/agent.ts';

/** The agents that a gateway lists. An agent registry is one. */
export interface AgentDirectory {
  agent(name: string): AgentVersion | undefined;
  list(): readonly AgentSpec[];
}
