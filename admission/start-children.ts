import { childLimits } from '../contracts/capabilities/agent-tool.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import { childTask } from '../core/children/child-task.ts';
import { resolvePolicy } from '../core/policy.ts';
import { publishAppended } from '../live/publish-appended.ts';
import { admitChildren, type AdmittedChildren, type ChildrenRequest } from '../store/admission/admit-children.ts';
import { readStartingChildren, type StartingChild } from '../store/children/read-children.ts';
import { admissionBudget } from './admission-budget.ts';
import type { AdmissionDeps } from './admission-deps.ts';
import { contentCheck } from './content-check.ts';
import { knownAgents } from './known-agents.ts';
import { resolveContent } from './resolve-content.ts';

/**
 * Admits the children of a run that have not been, as many at once as the limits allow, and publishes their events. Returns those
 * whose workflows are to be started. Does nothing for a run without such children.
 */
export async function startChildren(
  deps: AdmissionDeps,
  key: SessionKey,
  runId: string,
): Promise<Pick<AdmittedChildren, 'started' | 'woken'>> {
  const { db, agents, deployment, telemetry } = deps;
  const starting = await readStartingChildren(db, key, runId);
  if (starting.length === 0) return { started: [], woken: null };
  const tasks = new Map<string, Awaited<ReturnType<typeof taskOf>>>();
  for (const child of starting) tasks.set(child.childId, await taskOf(deps, key.user, child));
  const { started, events, woken } = await admitChildren(db, key, {
    runId,
    tasks,
    perRun: childLimits(deployment.limits).perRun,
    contentProblem: contentCheck(deps),
    defaultAgent: agents.defaultAgent,
    knowsAgent: await knownAgents(
      deps,
      starting.map(({ agent }) => agent),
    ),
    budget: admissionBudget(deps),
    defaultWhileRunning: (name) => resolvePolicy(deployment.policy, agents.agent(name)?.spec.policy).whileRunning,
  });
  for (const child of started) {
    telemetry.events.setAgent(child.key, child.agent);
    publishAppended(deps, child.key, child.events);
  }
  publishAppended(deps, key, events);
  return { started, woken };
}

async function taskOf(
  deps: Pick<AdmissionDeps, 'db' | 'deployment'>,
  user: string,
  { childId, agent, arguments: args }: StartingChild,
): Promise<ChildrenRequest['tasks'] extends ReadonlyMap<string, infer Task> ? Task : never> {
  const task = childTask(args);
  if (task.problem !== undefined) return { problem: task.problem };
  const [message] = await resolveContent(deps, user, [{ id: childId, content: task.content, agent }]);
  return message ?? { problem: 'it has no task' };
}
