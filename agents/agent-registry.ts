import type { AgentSpec, AgentVersion } from '../contracts/agent.ts';
import type { ApprovalEvaluator, ApprovalPredicate } from './approvals/define-approval.ts';
import type { ProviderDefinition } from './context/context-provider.ts';
import type { MiddlewareDefinition } from './middleware/middleware.ts';
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
  /** The context provider, by name and version as for tools. Absent: the worker has none. */
  contextProvider?(name: string, version?: string): ProviderDefinition | undefined;
  /** The folder that relative paths in options refer to. Absent: the working directory. */
  readonly folder?: string | undefined;
  /** The predicate of approvals, by name and version as for tools. Absent: the worker has none. */
  approvalPredicate?(name: string, version?: string): ApprovalPredicate | undefined;
  /** The evaluator of approvals, by name and version as for tools. Absent: the worker has none. */
  approvalEvaluator?(name: string, version?: string): ApprovalEvaluator | undefined;
  /** The middleware, by name and version as for tools. Absent: the worker has none. */
  middleware?(name: string, version?: string): MiddlewareDefinition | undefined;
}
