import type { Policy } from '../../../contracts/agent.ts';
import type { RunDetail } from '../../../contracts/session/run.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { SessionSnapshot } from '../../../contracts/session/session.ts';
import type { SessionWhy } from '../../../contracts/why.ts';
import { resolvePolicy } from '../../../core/policy.ts';
import { explainSession, type SessionFacts } from '../../../core/why/explain-session.ts';
import { readAgentVersion } from '../../../store/runs/agent-versions.ts';
import type { Db } from '../../../store/db/db.ts';
import { listRuns } from '../../../store/read/list-runs.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { countWorkers } from '../count-workers.ts';
import type { GatewayDeps } from '../gateway-deps.ts';
import { pendingMessages } from '../pending-messages.ts';

/**
 * What the session waits for, derived from its snapshot, its run, the agent version of the run, the workers, and the messages
 * that none of them has processed.
 */
export async function whySession(deps: GatewayDeps, key: SessionKey, snapshot: SessionSnapshot): Promise<SessionWhy> {
  const [run, workers, failingTask] = await Promise.all([
    runOf(deps.db, key, snapshot),
    countWorkers(deps),
    deps.sender.failingTask(key).catch(() => null),
  ]);
  const [limits, pending] = await Promise.all([
    limitsOf(deps, run, snapshot.policy),
    // A worker that polls takes them at once.
    workers.polling === 0 ? pendingMessages(deps, key) : null,
  ]);
  return explainSession({
    snapshot,
    run,
    workers: workers.polling,
    workerLastSeenAt: workers.lastSeenAt,
    pending: pending?.waiting ?? 0,
    failingTask,
    limits,
    now: new Date().toISOString(),
  });
}

async function runOf(db: Db, key: SessionKey, { currentRun, queue }: SessionSnapshot): Promise<RunDetail | null> {
  const id = currentRun?.id ?? queue[0] ?? (await listRuns(db, key, { limit: 1 })).data[0]?.id;
  return id === undefined ? null : await readRun(db, key, id);
}

async function limitsOf(
  { db, deployment }: GatewayDeps,
  run: RunDetail | null,
  policy: Policy,
): Promise<SessionFacts['limits']> {
  const version = run?.agentVersion ? await readAgentVersion(db, run.agentVersion) : null;
  const open = run?.toolCalls.find(({ status }) => status === 'running' || status === 'pending');
  const { runTimeoutMs, maxWaitMs } = resolvePolicy(deployment.policy, version?.spec.policy, policy);
  return {
    runTimeoutMs,
    maxWaitMs,
    toolTimeoutMs: version?.tools.find(({ name }) => name === open?.tool)?.timeoutMs ?? null,
  };
}
