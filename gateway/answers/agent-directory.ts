import type { AgentSpec, AgentVersion } from '../../contracts/agent.ts';

/** The agents of a gateway. An agent registry implements it. */
export interface AgentDirectory {
  /** The agent of a session that names none. */
  readonly defaultAgent: string;
  agent(name: string): AgentVersion | undefined;
  list(): readonly AgentSpec[];
}
