import { sessionLimits } from '../../contracts/session/session-limits.ts';
import { limitReason, type SessionLimit } from '../../core/session/session-limit.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { expireOverLimit, listOverLimit, type OverLimit } from '../../store/admin/sweeps/enforce-limit.ts';
import { recordAction, type SweepStart } from '../../store/admin/sweeps/sweeps.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { failedAction } from './failed-action.ts';

/**
 * Expires active sessions that exceed a limit, longest idle first, at most `max` of them. Checks the limit of each user,
 * and in a sweep over all users the limit of all sessions together. Returns whether more sessions may exceed a limit.
 */
export async function enforceLimits(deps: ActivityDeps, sweep: SweepStart, max: number): Promise<boolean> {
  const { activePerUser, active, evictIdleMs } = sessionLimits(deps.deployment.limits);
  const limits: SessionLimit[] = [{ of: 'user', limit: activePerUser, evictIdleMs }];
  if (active !== null && sweep.user === null) limits.push({ of: 'all', limit: active, evictIdleMs });
  for (const limit of limits) {
    const surplus = await listOverLimit(deps.db, sweep, limit, max);
    for (const session of surplus) await expireOne(deps, sweep, limit, session);
    if (surplus.length > 0) return true;
  }
  return false;
}

async function expireOne(
  deps: ActivityDeps,
  { id, dryRun }: SweepStart,
  limit: SessionLimit,
  session: OverLimit,
): Promise<void> {
  const { db, requestExpiryCheck } = deps;
  const { key } = session;
  if (dryRun) return await recordAction(db, id, key, { action: 'expired', reason: limitReason(limit) });
  try {
    const events = await expireOverLimit(db, id, session, limit);
    if (!events) return;
    publishAppended(deps, key, events);
    await requestExpiryCheck(key);
  } catch (error) {
    await recordAction(db, id, key, failedAction('expired', error));
  }
}
