import type { Pause } from '../../contracts/admin/pause.ts';
import type { StopReason } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { pauseOf, pauseOfRun } from '../../core/pauses/find-pause.ts';
import { resolvePolicy } from '../../core/policy.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { beginStep } from '../../store/steps/begin-step.ts';
import type { RunPosition } from '../../store/steps/run-position.ts';
import type { ToolResult } from '../../store/runs/finish-tools.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { waitForPause } from '../shared/wait-for-pause.ts';
import { Stopped } from '../shared/stop-watch.ts';
import { workerLeft } from '../shared/worker-left.ts';
import type { Permit } from '../shared/provider-limiter.ts';
import { currentAgent, pinnedAgent } from '../shared/resolve-agent.ts';
import { acquirePermit } from './acquire-permit.ts';
import { countFallback } from './count-fallback.ts';
import type { ContextCache } from './conversation/context-cache.ts';
import type { Serving } from './serving.ts';
import { providerOf } from '../../core/providers/provider-of.ts';

type BegunPosition = Exclude<RunPosition, { kind: 'superseded' | 'stopped' | 'paused' }>;
type ModelPosition = Extract<RunPosition, { kind: 'model' }>;

/** The run's next work. A model call comes with its permit, which the caller settles. */
export type ClaimedPosition =
  | Exclude<BegunPosition, { kind: 'model' | 'held' }>
  | (ModelPosition & { readonly permit: Permit });

interface Run {
  readonly key: SessionKey;
  readonly runId: string;
  readonly signal: AbortSignal;
  readonly contexts: ContextCache;
  readonly serving: Serving;
}

/**
 * Commits the results of tools, and claims the run's next model call or its open tool calls. The permit is acquired before an
 * attempt is claimed: a run that has to wait throws, and Temporal retries the activity after the delay. Such a wait uses up
 * no attempt and no working time.
 */
export async function claimNext(
  deps: ActivityDeps,
  run: Run,
  results: readonly ToolResult[],
): Promise<ClaimedPosition> {
  const { limiter } = deps;
  const position = await begin(deps, run, results, (model) => {
    const provider = providerOf(model);
    return limiter.isOpen(provider) && pauseOf(deps.pauses.current, 'provider', provider) === null;
  });
  if (position.kind === 'model') return { ...position, permit: limiter.permit(providerOf(position.model)) };
  if (position.kind !== 'held') return position;
  const agent = await pinnedAgent(deps, position.agentVersion);
  const policy = resolvePolicy(deps.deployment.policy, agent.spec.policy, position.policy);
  const { permit, model, passed } = await acquirePermit(deps, run, position.plan, policy);
  try {
    const claimed = await begin(deps, run, [], (asked) => asked === model, model);
    if (claimed.kind === 'model') {
      for (const one of passed) countFallback(deps, agent, one.model, one.why);
      return { ...claimed, permit };
    }
    await permit[Symbol.asyncDispose]();
    // Another attempt has found since that the model gives no answer.
    if (claimed.kind === 'held') throw workerLeft('Another attempt of the step was made meanwhile.');
    return claimed;
  } catch (error) {
    await permit[Symbol.asyncDispose]();
    throw error;
  }
}

async function begin(
  deps: ActivityDeps,
  { key, runId, contexts, serving }: Run,
  results: readonly ToolResult[],
  mayCall: (model: string) => boolean,
  granted?: string,
): Promise<BegunPosition> {
  const pin = (name: string) => currentAgent(deps, name, key.user);
  const { workerId, epoch, follows } = serving;
  const server = { workerId, epoch, follows };
  const { known } = serving;
  serving.known = null;
  const cached = contexts.known(key);
  const asked = granted === undefined ? {} : { granted };
  let pause: Pause | null = null;
  const isPaused = (asks: { readonly agent: string; readonly hasBegun: boolean }): boolean => {
    pause = pauseOfRun(deps.pauses.current, { user: key.user, ...asks });
    return pause !== null;
  };
  const position = await deps.turns.run(key.user, () =>
    beginStep(deps.db, key, { runId, pin, results, mayCall, isPaused, ...asked, server, known, cached }),
  );
  if (pause !== null && position.kind === 'paused') {
    publishAppended(deps, key, position.events);
    throw waitForPause(pause);
  }
  if (position.kind === 'paused') throw new Error('A run is paused without a pause.');
  if (position.kind === 'superseded') throw workerLeft('Another activity serves the session.');
  if (position.kind === 'stopped') throw new Stopped({ kind: 'stop', reason: position.reason as StopReason });
  // A run that has ended is no reason to serve its session.
  if (position.kind !== 'ended') {
    serving.epoch = position.epoch;
    if (epoch === null) deps.live.publish(key, { kind: 'served', epoch: position.epoch });
  }
  publishAppended(deps, key, position.events);
  return position;
}
