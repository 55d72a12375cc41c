import { isDeepStrictEqual } from 'node:util';
import { log } from '@temporalio/activity';
import { cleanRequestSchema, type CleanRequest } from '../../contracts/maintenance.ts';
import { decideCleanUp } from '../../core/session/clean-up.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { listCandidates, type Candidate, type Decide } from '../../store/admin/sweeps/list-candidates.ts';
import { releaseReservations } from '../../store/admin/sweeps/release-reservations.ts';
import { sweepSession } from '../../store/admin/sweeps/sweep-session.ts';
import {
  beginPage,
  beginSweep,
  endSweep,
  noteAction,
  pageOfSweep,
  type SessionPosition,
  type SweepStart,
} from '../../store/admin/sweeps/sweeps.ts';
import type { SweepPageInput, SweepPageOutput, SweepPosition } from '../shared/contract.ts';
import { command, parse } from '../shared/command-failure.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { failedAction } from './failed-action.ts';
import { heartbeat } from '../shared/heartbeat.ts';
import { holdLimits } from './hold-limits.ts';
import { policyOf } from '../session/session-life.ts';

/** Sessions looked at in one activity. */
const PAGE = 200;

/**
 * One page of a sweep. One that is cut short is begun again, with the same sessions: what was done to them is not found
 * again. A session that cannot be cleaned is noted and left: it never stops a sweep. After the last page of sessions the
 * limits of active ones are held, unless the request says by time what is to go.
 */
export async function sweepPage(deps: ActivityDeps, input: SweepPageInput): Promise<SweepPageOutput> {
  using _beat = heartbeat();
  const request = await command(async () => parse(cleanRequestSchema, input.request));
  const sweep = { id: input.sweepId, user: input.user, dryRun: request.dryRun ?? false };
  const next = await takePage(deps, input, request, sweep);
  if (next === null) await endSweep(deps.db, sweep.id);
  return { next };
}

async function takePage(
  deps: ActivityDeps,
  input: SweepPageInput,
  request: CleanRequest,
  sweep: SweepStart,
): Promise<SweepPosition | null> {
  const { after } = input;
  if (after === 'limits') return (await holdLimits(deps, sweep, PAGE)) ? 'limits' : null;
  if (after === null) await beginSweep(deps.db, sweep);
  // Before sessions are removed, whose records go.
  if (after === null && !sweep.dryRun) await release(deps, sweep.user);
  const next = await sweepSessions(deps, { ...input, request }, after);
  const timed = request.idleMs !== undefined || request.olderMs !== undefined;
  return next ?? (timed ? null : 'limits');
}

/** Answers where the next page begins; null after the last one. */
async function sweepSessions(
  deps: ActivityDeps,
  input: SweepPageInput,
  after: SessionPosition | null,
): Promise<SessionPosition | null> {
  const { db, deployment } = deps;
  const rules = { request: input.request, settings: deployment.maintenance ?? {} };
  const policy = policyOf(deps);
  const decide: Decide = (facts, agent, own, nowMs) => decideCleanUp(facts, policy(agent, own), rules, nowMs);
  const known = await pageOfSweep(db, input.sweepId);
  const cut = known && isDeepStrictEqual(known.after, after) ? known : null;
  const page = await listCandidates(db, { user: input.user, after, limit: PAGE }, cut, decide);
  if (!cut) await beginPage(db, input.sweepId, page.bounds, page.seen);
  for (const candidate of page.candidates) await sweepOne(deps, input, candidate, decide);
  return page.bounds.more ? page.bounds.last : null;
}

async function sweepOne(
  deps: ActivityDeps,
  { sweepId, request }: SweepPageInput,
  { key, decision }: Candidate,
  decide: Decide,
): Promise<void> {
  const { db, lookAtLife } = deps;
  if (request.dryRun) return await noteAction(db, sweepId, key, decision);
  try {
    const swept = await sweepSession(db, sweepId, key, decide);
    if (swept) publishAppended(deps, key, swept.events);
    if (swept?.over) await lookAtLife(key);
    if (swept?.action === 'warned') log.warn('Many runs of a session fail', { session: key.session });
  } catch (error) {
    await noteAction(db, sweepId, key, failedAction(decision.action, error));
  }
}

/** Gives back what was set aside for model calls of runs that are over. */
async function release(deps: ActivityDeps, user: string | null): Promise<void> {
  for (;;) {
    const { released, failed, more } = await releaseReservations(deps.db, { user });
    for (const { key, runId, step, attempt, events } of released) {
      publishAppended(deps, key, events);
      log.info('Reservation released', { session: key.session, run: runId, step, attempt });
    }
    if (failed > 0) log.warn('Some reservations could not be released');
    if (!more) return;
  }
}
