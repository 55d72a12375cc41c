import { ApplicationFailure } from '@temporalio/activity';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { resolvePolicy, type ResolvedPolicy } from '../../core/policy.ts';
import { waitMessage } from '../../core/providers/wait-message.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { beginStep, type RunPosition } from '../../store/runs/begin-step.ts';
import type { ToolResult } from '../../store/runs/finish-tools.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { AcquireResult, Permit } from '../shared/provider-limiter.ts';
import { currentAgent, pinnedAgent } from '../shared/resolve-agent.ts';
import type { ContextCache } from './context-cache.ts';

type ModelPosition = Extract<RunPosition, { kind: 'model' }>;

/** The run's next work. A model call comes with its permit, which the caller settles. */
export type ClaimedPosition =
  | Exclude<RunPosition, { kind: 'model' | 'held' }>
  | (ModelPosition & { readonly permit: Permit });

interface Run {
  readonly key: SessionKey;
  readonly runId: string;
  readonly signal: AbortSignal;
  readonly contexts: ContextCache;
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
  const position = await begin(deps, run, results, (model) => limiter.isOpen(providerOf(model)));
  if (position.kind === 'model') return { ...position, permit: limiter.permit(providerOf(position.model)) };
  if (position.kind !== 'held') return position;
  const agent = await pinnedAgent(deps, position.agentVersion);
  const policy = resolvePolicy(deps.deployment.policy, agent.spec.policy, position.policy);
  const permit = await acquirePermit(deps, run, providerOf(position.model), policy);
  try {
    const claimed = await begin(deps, run, [], () => true);
    if (claimed.kind === 'model') return { ...claimed, permit };
    if (claimed.kind === 'held') throw new Error('A model call was held although it has a permit.');
    await permit[Symbol.asyncDispose]();
    return claimed;
  } catch (error) {
    await permit[Symbol.asyncDispose]();
    throw error;
  }
}

async function begin(
  deps: ActivityDeps,
  { key, runId, contexts }: Run,
  results: readonly ToolResult[],
  mayCall: (model: string) => boolean,
): Promise<RunPosition> {
  const pin = (name: string) => currentAgent(deps, name);
  const position = await beginStep(deps.db, key, { runId, pin, results, mayCall, cached: contexts.known(key) });
  publishAppended(deps, key, position.events);
  return position;
}

async function acquirePermit(
  { limiter }: ActivityDeps,
  { key, runId, signal }: Run,
  provider: string,
  { whenProviderDown, maxWaitMs }: ResolvedPolicy,
): Promise<Permit> {
  const failsAtOnce = whenProviderDown === 'fail';
  const result = await limiter.acquire(provider, key, { runId, maxWaitMs: failsAtOnce ? 0 : maxWaitMs });
  if (result.kind === 'granted') return result.permit;
  // A stop takes precedence over a wait.
  signal.throwIfAborted();
  const message = waitMessage(provider, result);
  if (result.kind === 'refused') {
    const policy = failsAtOnce ? 'whenProviderDown: fail' : `maxWaitMs: ${maxWaitMs}`;
    throw ApplicationFailure.nonRetryable(
      `${message} The run may not wait any longer (policy ${policy}).`,
      'model_unavailable',
    );
  }
  throw waiting(message, result);
}

/** Makes Temporal retry the activity after the delay. Until then the run occupies no worker. */
function waiting(
  message: string,
  { why, delayMs }: Extract<AcquireResult, { kind: 'wait' | 'refused' }>,
): ApplicationFailure {
  return ApplicationFailure.create({ type: why, message, nextRetryDelay: delayMs, category: 'BENIGN' });
}

function providerOf(model: string): string {
  return model.slice(0, Math.max(0, model.indexOf('/')));
}
