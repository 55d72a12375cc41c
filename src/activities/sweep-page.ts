import { log } from '@temporalio/activity';
import { cleanRequestSchema, type CleanRequest } from '../contracts/maintenance.ts';
import { decideCleanUp } from '../core/clean-up.ts';
import { releaseReservations } from '../store/admin/release-reservations.ts';
import { listCandidates, sweepSession, type Candidate, type Decide } from '../store/admin/sweep-session.ts';
import { beginSweep, noteAction, noteSeen } from '../store/admin/sweeps.ts';
import type { SweepPageInput, SweepPageOutput, SweepPosition } from './activities.ts';
import { command, parse } from './command-failure.ts';
import { couldNotBe } from './could-not-be.ts';
import type { ActivityDeps } from './deps.ts';
import { heartbeat } from './heartbeat.ts';
import { holdLimits } from './hold-limits.ts';
import { ring } from './ring.ts';
import { policyOf } from './session-life.ts';

/** Sessions looked at in one activity. */
const PAGE = 200;

/**
 * One page of a sweep. What a page has done it does not find again, so one that is cut short is simply begun again. A
 * session that cannot be cleaned is noted and left: it never stops a sweep. After the last page of sessions the limits
 * of active ones are held, unless the request says by time what is to go.
 */
export async function sweepPage(deps: ActivityDeps, input: SweepPageInput): Promise<SweepPageOutput> {
  using _beat = heartbeat();
  const request = await command(async () => parse(cleanRequestSchema, input.request));
  const sweep = { id: input.sweepId, user: input.user, dryRun: request.dryRun ?? false };
  if (input.after === null) await beginSweep(deps.db, sweep);
  const page =
    input.after === 'limits'
      ? { seen: 0, next: (await holdLimits(deps, sweep, PAGE)) ? ('limits' as const) : null }
      : await sweepSessions(deps, input, request, input.after);
  if (page.next === null && sweep.user === null && !sweep.dryRun) await release(deps);
  await noteSeen(deps.db, sweep.id, page.seen, page.next === null);
  return { next: page.next };
}

async function sweepSessions(
  deps: ActivityDeps,
  input: SweepPageInput,
  request: CleanRequest,
  after: readonly [string, string] | null,
): Promise<{ readonly seen: number; readonly next: SweepPosition | null }> {
  const rules = { request, settings: deps.deployment.maintenance ?? {} };
  const policy = policyOf(deps);
  const decide: Decide = (facts, agent, own, nowMs) => decideCleanUp(facts, policy(agent, own), rules, nowMs);
  const { candidates, seen, next } = await listCandidates(deps.db, { user: input.user, after, limit: PAGE }, decide);
  for (const candidate of candidates) await sweepOne(deps, input, candidate, decide);
  const timed = request.idleMs !== undefined || request.olderMs !== undefined;
  return { seen, next: next ?? (timed ? null : 'limits') };
}

async function sweepOne(
  { db, live }: ActivityDeps,
  { sweepId, request }: SweepPageInput,
  { key, decision }: Candidate,
  decide: Decide,
): Promise<void> {
  if (request.dryRun) return await noteAction(db, sweepId, key, decision);
  try {
    const swept = await sweepSession(db, sweepId, key, decide);
    if (swept) ring(live, key, swept.events);
    if (swept?.action === 'warned') log.warn('Many runs of a session fail', { session: key.session });
  } catch (error) {
    await noteAction(db, sweepId, key, couldNotBe(decision.action, error));
  }
}

/** Gives back what was set aside for model calls of runs that are over. Of everybody's sessions, so the schedule's only. */
async function release({ db, live }: ActivityDeps): Promise<void> {
  const { released, failed } = await releaseReservations(db);
  for (const { key, events } of released) ring(live, key, events);
  if (failed > 0) log.warn('Some reservations could not be released');
}
