import type { CleanRequest, MaintenanceSettings, SweepAction } from '../../contracts/maintenance.ts';
import { formatDuration } from '../text/format-duration.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import { archives, expiryOf, expiryReason, type Lifespan } from './expiry.ts';
import type { ResolvedPolicy } from '../policy.ts';

/** The facts of a session that a decision depends on. */
export interface CleanUpFacts extends Lifespan {
  readonly kind: 'session' | 'run';
  readonly status: SessionStatus;
  readonly createdAt: string;
  readonly messages: number;
  /** Number of times that a run ended. A run that was resumed and ended again counts twice, also in `errors`. */
  readonly endedRuns: number;
  readonly errors: number;
  readonly hasOpenRun: boolean;
}

export interface CleanUpRules {
  readonly request: CleanRequest;
  readonly settings: MaintenanceSettings;
}

export interface CleanUpDecision {
  readonly action: Exclude<SweepAction, 'error'>;
  readonly reason: string;
}

/** Returns what a sweep does to a session; null for nothing. It never changes an archive or a session with an open run. */
export function decideCleanUp(
  session: CleanUpFacts,
  policy: ResolvedPolicy,
  { request, settings }: CleanUpRules,
  nowMs: number,
): CleanUpDecision | null {
  if (session.hasOpenRun || session.status === 'archived') return null;
  const idleMs = nowMs - Date.parse(session.lastActiveAt);
  const ageMs = nowMs - Date.parse(session.createdAt);
  const removal: CleanUpDecision['action'] =
    session.kind === 'session' && archives(policy, session.messages) ? 'archived' : 'deleted';
  if (request.idleMs !== undefined || request.olderMs !== undefined) {
    if (idleMs < (request.idleMs ?? 0) || ageMs < (request.olderMs ?? 0)) return null;
    const facts = [
      ...(request.idleMs === undefined ? [] : [`idle for ${formatDuration(idleMs)}`]),
      ...(request.olderMs === undefined ? [] : [`${formatDuration(ageMs)} old`]),
    ];
    return { action: removal, reason: facts.join(', ') };
  }
  if (session.kind === 'session' && session.status === 'active')
    return decideForActive(session, policy, settings, nowMs);
  if (idleMs < policy.retentionMs) return null;
  return { action: removal, reason: `${session.status} and idle for ${formatDuration(idleMs)} (policy retentionMs)` };
}

function decideForActive(
  session: CleanUpFacts,
  policy: ResolvedPolicy,
  { failOverErrorRate = 0.5, warnOverErrorRate = 0.3, minRunsForErrorRate = 3 }: MaintenanceSettings,
  nowMs: number,
): CleanUpDecision | null {
  const { atMs, why } = expiryOf(session, policy);
  if (atMs <= nowMs) return { action: 'expired', reason: expiryReason(why, policy) };
  const { errors, endedRuns } = session;
  if (endedRuns < minRunsForErrorRate) return null;
  const rate = endedRuns === 0 ? 0 : errors / endedRuns;
  const reason = `${errors} of ${endedRuns} ${endedRuns === 1 ? 'run' : 'runs'} failed`;
  if (rate > failOverErrorRate) return { action: 'failed', reason };
  return rate > warnOverErrorRate ? { action: 'warned', reason } : null;
}
