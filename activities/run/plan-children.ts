import type { AgentToolSpec, AgentVersion } from '../../contracts/agent.ts';
import { childLimits, type ChildBudget } from '../../contracts/capabilities/agent-tool.ts';
import type { Json } from '../../contracts/json.ts';
import type { ToolCallRequest } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { childTask } from '../../core/children/child-task.ts';
import { resolvePolicy, type ResolvedPolicy } from '../../core/policy.ts';
import { idempotencyKey } from '../../core/tools/idempotency-key.ts';
import { childIdOf, isChildId } from '../../core/children/child-id.ts';
import type { NewChild } from '../../store/children/new-children.ts';
import { readLink } from '../../store/children/read-children.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** Decides whether an agent executes a call: what its run is made with, or why it is refused, which the model is given. */
export type PlanChild = (call: {
  readonly tool: string;
  readonly agent: AgentToolSpec;
  readonly callId: string;
  readonly arguments: Json;
}) => NewChild | { readonly refused: string };

interface Parent {
  readonly key: SessionKey;
  readonly runId: string;
  readonly policy: ResolvedPolicy;
  /** The working time of the run so far. */
  readonly workedMs: number;
}

/** Whether an agent is to execute a requested call. */
export function callsAgents(agent: AgentVersion, requests: readonly ToolCallRequest[]): boolean {
  return requests.some(({ tool }) => agent.tools.some(({ name, agent: child }) => name === tool && child));
}

/** Reads how deep a run is, for the calls of its reply that agents execute. */
export async function childPlanner(
  deps: Pick<ActivityDeps, 'db' | 'agents' | 'deployment' | 'telemetry'>,
  { key, runId, policy, workedMs }: Parent,
): Promise<PlanChild> {
  const { agents, deployment } = deps;
  const limits = childLimits(deployment.limits);
  const depth = isChildId(key.session) ? ((await readLink(deps.db, key))?.depth ?? 0) : 0;
  return ({ tool, agent, callId, arguments: args }) => {
    if (depth >= limits.depth) {
      const refused = `The agent ${agent.name} cannot be called: this run is on level ${depth} of agents that call agents, and the limit is ${limits.depth} (limits.childDepth). Do the task without it.`;
      return { refused };
    }
    const { problem } = childTask(args);
    if (problem !== undefined) return { refused: `The arguments were not accepted: ${problem}.` };
    const own = resolvePolicy(deployment.policy, agents.agent(agent.name)?.spec.policy);
    const left = Math.max(1_000, Math.floor(policy.runTimeoutMs - workedMs));
    return {
      childId: childIdOf(idempotencyKey(key, runId, callId)),
      agent: agent.name,
      depth: depth + 1,
      maxParallel: agent.maxParallel ?? null,
      runTimeoutMs: Math.min(own.runTimeoutMs, left),
      traceparent: callTrace(deps, runId, tool),
      set: agent.budget ?? {},
      own: budgetOf(own),
    };
  };
}

/** A span for the call, as for other tools. It ends at once, since nobody waits for the child; the spans of its run are below it. */
function callTrace(
  { telemetry: { tracing } }: Pick<ActivityDeps, 'telemetry'>,
  runId: string,
  tool: string,
): string | null {
  const attributes = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': tool, 'perdure.run.id': runId };
  let traceparent: string | undefined;
  void tracing.span(`execute_tool ${tool}`, { kind: 'internal', attributes }, async () => {
    traceparent = tracing.traceparent();
  });
  return traceparent ?? null;
}

/** The budget that the child's own policy sets for its run. */
function budgetOf({ budget: { runUsd, runTokens } }: ResolvedPolicy): ChildBudget {
  return {
    ...(runUsd === undefined ? {} : { usd: runUsd }),
    ...(runTokens === undefined ? {} : { tokens: runTokens }),
  };
}
