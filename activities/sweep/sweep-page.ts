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
  recordAction,
  readSweepPage,
  type SessionPosition,
  type SweepStart,
} from '../../store/admin/sweeps/sweeps.ts';
import type { SweepPageInput, SweepPageOutput, SweepPosition } from '../shared/contract.ts';
import { command, parse } from '../shared/command-failure.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { failedAction } from './failed-action.ts';
import { heartbeat } from '../shared/heartbeat.ts';
import { enforceLimits } from './enforce-limits.ts';
import { sessionPolicy } from '../session/session-policy.ts';

/** Sessions in one page. */
const PAGE_SIZE = 200;

/**
 * Processes one page of a sweep. A page that was interrupted is repeated with the same sessions; those that are done are
 * not selected again. A failure of one session is recorded in the report and does not stop the sweep. After the last page
 * the limits of active sessions are enforced, unless the request selects sessions by time.
 */
export async function sweepPage(deps: ActivityDeps, input: SweepPageInput): Promise<SweepPageOutput> {
  using _beat = heartbeat();
  const request = await command(async () => parse(cleanRequestSchema, input.request));
  const sweep = { id: input.sweepId, user: input.user, dryRun: request.dryRun ?? false };
  const next = await processPage(deps, input, request, sweep);
  if (next === null) await endSweep(deps.db, sweep.id);
  return { next };
}

async function processPage(
  deps: ActivityDeps,
  input: SweepPageInput,
  request: CleanRequest,
  sweep: SweepStart,
): Promise<SweepPosition | null> {
  const { after } = input;
  if (after === 'limits') return (await enforceLimits(deps, sweep, PAGE_SIZE)) ? 'limits' : null;
  if (after === null) await beginSweep(deps.db, sweep);
  // Before any session is removed, because its records are removed too.
  if (after === null && !sweep.dryRun) await releaseBudgets(deps, sweep.user);
  const next = await sweepSessions(deps, { ...input, request }, after);
  const isByTime = request.idleMs !== undefined || request.olderMs !== undefined;
  return next ?? (isByTime ? null : 'limits');
}

/** Returns the position of the next page; null after the last one. */
async function sweepSessions(
  deps: ActivityDeps,
  input: SweepPageInput,
  after: SessionPosition | null,
): Promise<SessionPosition | null> {
  const { db, deployment } = deps;
  const rules = { request: input.request, settings: deployment.maintenance ?? {} };
  const policy = sessionPolicy(deps);
  const decide: Decide = (facts, agent, own, nowMs) => decideCleanUp(facts, policy(agent, own), rules, nowMs);
  const known = await readSweepPage(db, input.sweepId);
  const interrupted = known && isDeepStrictEqual(known.after, after) ? known : null;
  const page = await listCandidates(db, { user: input.user, after, limit: PAGE_SIZE }, interrupted, decide);
  if (!interrupted) await beginPage(db, input.sweepId, page.bounds, page.seen);
  for (const candidate of page.candidates) await sweepOne(deps, input, candidate, decide);
  return page.bounds.more ? page.bounds.last : null;
}

async function sweepOne(
  deps: ActivityDeps,
  { sweepId, request }: SweepPageInput,
  { key, decision }: Candidate,
  decide: Decide,
): Promise<void> {
  const { db, requestExpiryCheck } = deps;
  if (request.dryRun) return await recordAction(db, sweepId, key, decision);
  try {
    const swept = await sweepSession(db, sweepId, key, decide);
    if (swept) publishAppended(deps, key, swept.events);
    if (swept?.deactivated) await requestExpiryCheck(key);
    if (swept?.action === 'warned') log.warn('Many runs of a session fail', { session: key.session });
  } catch (error) {
    await recordAction(db, sweepId, key, failedAction(decision.action, error));
  }
}

/** Releases budget that is reserved for model calls of runs that are over. */
async function releaseBudgets(deps: ActivityDeps, user: string | null): Promise<void> {
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
