import type { AgentSpec, AgentVersion } from '../../contracts/agent.ts';

/** The agents of a gateway. An agent registry implements it. */
export interface AgentDirectory {
  agent(name: string): AgentVersion | undefined;
  list(): readonly AgentSpec[];
}
