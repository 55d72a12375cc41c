import { ApplicationFailure, Context } from '@temporalio/activity';
import { PerdureError } from '../../../contracts/errors.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { commitContextPhase } from '../../../store/context/commit-context-call.ts';
import { findBackgroundRun, type BackgroundRun } from '../../../store/context/find-background-run.ts';
import { callingSession } from '../../shared/calling-session.ts';
import type { BackgroundCalls } from '../../shared/contract.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import { heartbeat } from '../../shared/heartbeat.ts';
import { pinnedAgent } from '../../shared/resolve-agent.ts';
import { Stopped } from '../../shared/stop-watch.ts';
import { workerLeft } from '../../shared/worker-left.ts';
import { generateFor } from './generate-for-provider.ts';
import { callProviders, skipProviders } from '../../context/call-providers.ts';

/** After this time the activity returns, so that a history has a line for what it has done. */
const SLICE_MS = 4 * 60_000;

/**
 * Calls `afterRun` of the context providers that the runs of a session have left for the background, the runs in their order. What is left
 * is in the store, so the activity can be repeated at any time.
 */
export async function callInBackground(deps: ActivityDeps): Promise<BackgroundCalls> {
  const { key } = callingSession();
  using _beat = heartbeat(1_000);
  const { cancellationSignal } = Context.current();
  const leave = new AbortController();
  const onLeave = (): void => leave.abort(new Stopped({ kind: 'leave' }));
  if (cancellationSignal.aborted) onLeave();
  cancellationSignal.addEventListener('abort', onLeave);
  const until = Date.now() + SLICE_MS;
  try {
    for (let runs = 0; ; runs += 1) {
      leave.signal.throwIfAborted();
      const next = await findBackgroundRun(deps.db, key);
      if (!next || Date.now() > until) return { runs, ...(next ? { more: true } : {}) };
      await callFor(deps, key, next, leave.signal);
    }
  } catch (error) {
    if (error instanceof Stopped) throw workerLeft(error.message);
    // The session was deleted.
    if (error instanceof PerdureError && error.code === 'not_found') return { runs: 0 };
    throw error;
  } finally {
    cancellationSignal.removeEventListener('abort', onLeave);
  }
}

async function callFor(
  deps: ActivityDeps,
  key: SessionKey,
  { runId, agentVersion, waiting, waitedMs }: BackgroundRun,
  signal: AbortSignal,
): Promise<void> {
  const { backgroundRuns, backgroundMs } = LIMITS;
  try {
    const agent = await pinnedAgent(deps, agentVersion);
    const run = { key, runId, agent, signal, epoch: null, generateFor };
    if (waiting > backgroundRuns.value) {
      await skipProviders(deps, run, `More than ${backgroundRuns.value} runs of the session waited (backgroundRuns).`);
    } else if (waitedMs > backgroundMs.value) {
      await skipProviders(deps, run, `It could not be called within ${backgroundMs.value} ms (backgroundMs).`);
    } else {
      await callProviders(deps, run, 'background');
    }
  } catch (error) {
    if (!(error instanceof ApplicationFailure) || !error.nonRetryable) throw error;
    // No worker has the code of a provider, and none will.
    deps.telemetry.log.warn('The calls of a run in the background are left out', {
      session: key.session,
      run: runId,
      error,
    });
    await commitContextPhase(deps.db, key, { runId, phase: 'after', epoch: null });
  }
}
