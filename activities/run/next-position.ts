import { ApplicationFailure } from '@temporalio/activity';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { resolvePolicy, type ResolvedPolicy } from '../../core/policy.ts';
import { waitMessage } from '../../core/providers/wait-message.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { beginStep, type RunPosition } from '../../store/runs/begin-step.ts';
import type { ToolResult } from '../../store/runs/finish-tools.ts';
import type { ContextCache } from './context-cache.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { currentAgent, pinnedAgent } from '../shared/pinned-agents.ts';
import type { AcquireResult, Permit } from '../shared/provider-limiter.ts';

type Model = Extract<RunPosition, { kind: 'model' }>;

/** Where a run goes on; a model call comes with the leave to make it, which the caller settles. */
export type NextPosition = Exclude<RunPosition, { kind: 'model' | 'held' }> | (Model & { readonly permit: Permit });

interface Run {
  readonly key: SessionKey;
  readonly runId: string;
  readonly signal: AbortSignal;
  readonly contexts: ContextCache;
}

/**
 * Begins the next step. The provider is asked for leave before an attempt is claimed: a run that has to wait throws,
 * and Temporal brings it back when it is to ask again; that is no attempt, and no working time.
 */
export async function nextPosition(
  deps: ActivityDeps,
  run: Run,
  results: readonly ToolResult[],
): Promise<NextPosition> {
  const { limiter } = deps;
  const position = await begin(deps, run, results, (model) => limiter.isOpen(providerOf(model)));
  if (position.kind === 'model') return { ...position, permit: limiter.permit(providerOf(position.model)) };
  if (position.kind !== 'held') return position;
  const agent = await pinnedAgent(deps, position.agentVersion);
  const policy = resolvePolicy(deps.deployment.policy, agent.spec.policy, position.policy);
  const permit = await askToGo(deps, run, providerOf(position.model), policy);
  try {
    const begun = await begin(deps, run, [], () => true);
    if (begun.kind === 'model') return { ...begun, permit };
    if (begun.kind === 'held') throw new Error('A call that may go was held.');
    await permit[Symbol.asyncDispose]();
    return begun;
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
  const position = await beginStep(deps.db, key, { runId, pin, results, mayCall, known: contexts.known(key) });
  publishAppended(deps, key, position.events);
  return position;
}

async function askToGo(
  { limiter }: ActivityDeps,
  { key, runId, signal }: Run,
  provider: string,
  { whenProviderDown, maxWaitMs }: ResolvedPolicy,
): Promise<Permit> {
  const fails = whenProviderDown === 'fail';
  const asked = await limiter.acquire(provider, key, { runId, maxWaitMs: fails ? 0 : maxWaitMs });
  if (asked.kind === 'granted') return asked.permit;
  // A stop beats a wait: the run ends here.
  signal.throwIfAborted();
  const words = waitMessage(provider, asked);
  if (asked.kind === 'refused') {
    const policy = fails ? 'whenProviderDown: fail' : `maxWaitMs: ${maxWaitMs}`;
    throw ApplicationFailure.nonRetryable(
      `${words} The run may not wait longer (policy ${policy}).`,
      'model_unavailable',
    );
  }
  throw waiting(words, asked);
}

/** Temporal brings the activity back after the delay; meanwhile it holds no place on a worker. */
function waiting(
  words: string,
  { why, delayMs }: Extract<AcquireResult, { kind: 'wait' | 'refused' }>,
): ApplicationFailure {
  return ApplicationFailure.create({ type: why, message: words, nextRetryDelay: delayMs, category: 'BENIGN' });
}

function providerOf(model: string): string {
  return model.slice(0, Math.max(0, model.indexOf('/')));
}
