import type { AgentSpec, AgentVersion } from '../contracts/agent.ts';
import type { Tool } from './define-tool.ts';

/** The agents and tools that a worker has. */
export interface AgentRegistry {
  /** The agent of sessions that name none: the one called `assistant`, or the first by name. */
  readonly defaultAgent: string;
  /** The current version; undefined for an unknown name. */
  agent(name: string): AgentVersion | undefined;
  list(): readonly AgentSpec[];
  tool(name: string): Tool | undefined;
}
