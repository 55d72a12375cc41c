import { sessionLimits } from '../../contracts/session/session-limits.ts';
import { limitReason, type SessionLimit } from '../../core/session/session-limit.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { expireOverLimit, listOverLimit, type OverLimit } from '../../store/admin/sweeps/enforce-limit.ts';
import { noteAction, type SweepStart } from '../../store/admin/sweeps/sweeps.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { failedAction } from './failed-action.ts';

/**
 * Expires those active sessions that were idle longest, `most` at most, where more are active than may be: of each user,
 * and in a sweep over everybody's sessions in all. Whether there may be more to do.
 */
export async function holdLimits(deps: ActivityDeps, sweep: SweepStart, most: number): Promise<boolean> {
  const { activePerUser, active, evictIdleMs } = sessionLimits(deps.deployment.limits);
  const limits: SessionLimit[] = [{ of: 'user', limit: activePerUser, evictIdleMs }];
  if (active !== null && sweep.user === null) limits.push({ of: 'all', limit: active, evictIdleMs });
  for (const limit of limits) {
    const crowd = await listOverLimit(deps.db, sweep, limit, most);
    for (const one of crowd) await expireOne(deps, sweep, limit, one);
    if (crowd.length > 0) return true;
  }
  return false;
}

async function expireOne(
  deps: ActivityDeps,
  { id, dryRun }: SweepStart,
  limit: SessionLimit,
  one: OverLimit,
): Promise<void> {
  const { db, lookAtLife } = deps;
  const { key } = one;
  if (dryRun) return await noteAction(db, id, key, { action: 'expired', reason: limitReason(limit) });
  try {
    const events = await expireOverLimit(db, id, one, limit);
    if (!events) return;
    publishAppended(deps, key, events);
    await lookAtLife(key);
  } catch (error) {
    await noteAction(db, id, key, failedAction('expired', error));
  }
}
