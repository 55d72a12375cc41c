import type { AgentSpec, AgentVersion } from '../contracts/agent.ts';
import type { Tool } from './define-tool.ts';

/** The agents and tools of a worker. */
export interface AgentRegistry {
  /** The agent of a session that names none: `assistant` if there is one, else the first by name. */
  readonly defaultAgent: string;
  /** The current version; undefined for an unknown name. */
  agent(name: string): AgentVersion | undefined;
  list(): readonly AgentSpec[];
  /** The tool as the agent version with the hash `version` was loaded with it; else, or if that version is not loaded, the current one. */
  tool(name: string, version?: string): Tool | undefined;
}
