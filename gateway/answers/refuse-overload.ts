import type { Deployment } from '../../contracts/deployment.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { MessageInput } from '../../contracts/session/message.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { findOverload, type Overload } from '../../core/load/estimate-wait.ts';
import { resolvePolicy } from '../../core/policy.ts';
import type { Db } from '../../store/db/db.ts';
import { readMessageStanding } from '../../store/read/read-standing.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import type { AgentDirectory } from './agent-directory.ts';
import type { LoadMonitor } from './load-monitor.ts';

/** A message that is about to be admitted. `isNew`: its id was generated, so no message can have it yet. */
export interface OfferedMessage {
  readonly key: SessionKey;
  readonly input: MessageInput & { readonly id: string };
  readonly isNew: boolean;
}

/** Throws `rate_limited` or `overloaded` for a message whose run could not begin in time. */
export type RefuseOverload = (message: OfferedMessage) => Promise<void>;

export interface OverloadDeps {
  readonly db: Db;
  readonly monitor: Pick<LoadMonitor, 'estimate' | 'freshEstimate'>;
  /** The longest estimated wait; 0: none is too long. */
  readonly limitMs: number;
  readonly agents: AgentDirectory;
  readonly deployment: Deployment;
  readonly telemetry: Pick<Telemetry, 'metrics' | 'events'>;
}

/**
 * Creates the check of messages before any work is done for them. It costs nothing but a look at the estimate while runs begin in
 * time. Otherwise it reads whether the message makes a run at all: one that was admitted before does not, nor does one that
 * joins or replaces the running run.
 */
export function createRefuseOverload(deps: OverloadDeps): RefuseOverload {
  const { monitor, limitMs, telemetry } = deps;
  if (limitMs === 0) return async () => {};
  return async (message) => {
    const { user } = message.key;
    const terms = { user, limitMs, random: Math.random() };
    if (findOverload(monitor.estimate(), terms) === null) return;
    const overload = findOverload(await monitor.freshEstimate(), terms);
    if (overload === null || !(await makesRun(deps, message))) return;
    const error = refusal(overload);
    telemetry.metrics.overloadRefusals.add({ reason: overload.reason });
    telemetry.events.countMessage(message.key, error.code);
    throw error;
  };
}

async function makesRun(
  { db, agents, deployment }: Pick<OverloadDeps, 'db' | 'agents' | 'deployment'>,
  { key, input, isNew }: OfferedMessage,
): Promise<boolean> {
  const { whileRunning } = input;
  if (isNew && whileRunning !== undefined && !usesRunningRun(whileRunning)) return true;
  const { isAdmitted, session, isRunning } = await readMessageStanding(db, key, input.id);
  if (isAdmitted) return false;
  // Whether its archive has the message is found when it is admitted.
  if (session?.status === 'archived' && !isNew) return false;
  if (session === null || !isRunning) return true;
  const ofAgent = resolvePolicy(deployment.policy, agents.agent(session.agent)?.spec.policy);
  return !usesRunningRun(whileRunning ?? session.policy.whileRunning ?? ofAgent.whileRunning);
}

function usesRunningRun(whileRunning: MessageInput['whileRunning']): boolean {
  return whileRunning === 'steer' || whileRunning === 'interrupt';
}

function refusal({ reason, waitMs, limitMs, own, retryAfterMs }: Overload): PerdureError {
  const limit = `It was not accepted, because the limit is ${seconds(limitMs)} s (limits.maxEstimatedWaitMs${own > 0 ? ', half of it with messages that wait' : ''}). Send it again later.`;
  if (reason === 'user_share') {
    const message = `You have ${own} messages that wait for a worker, so this one would wait for about ${seconds(waitMs)} s. ${limit}`;
    return new PerdureError('rate_limited', message, { retryAfterMs });
  }
  const message = `The workers have more to do than they can: this message would wait for about ${seconds(waitMs)} s. ${limit}`;
  return new PerdureError('overloaded', message, { retryAfterMs });
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
