import { log } from '@temporalio/activity';
import { cleanRequestSchema } from '../contracts/maintenance.ts';
import { decideCleanUp } from '../core/clean-up.ts';
import { releaseReservations } from '../store/admin/release-reservations.ts';
import { listCandidates, sweepSession, type Candidate, type Decide } from '../store/admin/sweep-session.ts';
import { beginSweep, noteAction, noteSeen } from '../store/admin/sweeps.ts';
import type { SweepPageInput, SweepPageOutput } from './activities.ts';
import { command, parse } from './command-failure.ts';
import type { ActivityDeps } from './deps.ts';
import { heartbeat } from './heartbeat.ts';
import { ring } from './ring.ts';
import { policyOf } from './session-life.ts';

/** Sessions looked at in one activity. */
const PAGE = 200;

/**
 * One page of a sweep. What a page has done it does not find again, so one that is cut short is simply begun again. A
 * session that cannot be cleaned is noted and left: it never stops a sweep.
 */
export async function sweepPage(deps: ActivityDeps, input: SweepPageInput): Promise<SweepPageOutput> {
  using _beat = heartbeat();
  const { db, deployment } = deps;
  const { sweepId, user, after } = input;
  const request = await command(async () => parse(cleanRequestSchema, input.request));
  const rules = { request, settings: deployment.maintenance ?? {} };
  const policy = policyOf(deps);
  const decide: Decide = (facts, agent, own, nowMs) => decideCleanUp(facts, policy(agent, own), rules, nowMs);
  if (after === null) await beginSweep(db, { id: sweepId, user, dryRun: request.dryRun ?? false });
  const page = await listCandidates(db, { user, after, limit: PAGE }, decide);
  for (const candidate of page.candidates) await sweepOne(deps, input, candidate, decide);
  if (page.next === null && user === null && !request.dryRun) await release(deps);
  await noteSeen(db, sweepId, page.seen, page.next === null);
  return { next: page.next };
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
    const reason = `it could not be ${decision.action}: ${error instanceof Error ? error.message : 'no reason known'}`;
    await noteAction(db, sweepId, key, { action: 'error', reason: reason.slice(0, 500) });
  }
}

/** Gives back what was set aside for model calls of runs that are over. Of everybody's sessions, so the schedule's only. */
async function release({ db, live }: ActivityDeps): Promise<void> {
  const { released, failed } = await releaseReservations(db);
  for (const { key, events } of released) ring(live, key, events);
  if (failed > 0) log.warn('Some reservations could not be released');
}
