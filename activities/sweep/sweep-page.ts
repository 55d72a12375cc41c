import { isDeepStrictEqual } from 'node:util';
import { Context, log } from '@temporalio/activity';
import { PerdureError } from '../../contracts/errors.ts';
import { cleanRequestSchema, type CleanRequest, type KeptConversations } from '../../contracts/maintenance.ts';
import { decideCleanUp } from '../../core/session/clean-up.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { countKeptDeletions } from '../../store/admin/conversations/kept-deletions.ts';
import { deleteOldAudit } from '../../store/admin/audit/delete-old-audit.ts';
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
import { deleteKeptConversations } from './delete-kept.ts';
import { enforceLimits } from './enforce-limits.ts';
import { sessionPolicy } from '../session/session-policy.ts';

/** How long a sweep requests deletions of what providers keep. Upkeep and the next sweep go on. */
const DELETIONS_MS = 60_000;
/** Sessions in one page. */
const PAGE_SIZE = 200;

/**
 * Processes one page of a sweep. A page that was interrupted is repeated with the same sessions; those that are done are
 * not selected again. A failure of one session is recorded in the report and does not stop the sweep. After the last page
 * the limits of active sessions are enforced, unless the request selects sessions by time.
 */
export async function sweepPage(deps: ActivityDeps, input: SweepPageInput): Promise<SweepPageOutput> {
  using _beat = heartbeat(1_000);
  const request = await command(async () => checkRequest(input));
  const user = input.user ?? null;
  const sweep = { id: input.sweepId, user, dryRun: request.dryRun ?? false };
  const next = await processPage(deps, { ...input, user }, request, sweep);
  if (next === null) await endSweep(deps.db, sweep.id, user === null ? await deleteKept(deps, sweep) : null);
  return { next };
}

/** Deletes what providers keep of deleted sessions, and counts what is left; null for nothing. */
async function deleteKept(deps: ActivityDeps, { dryRun }: SweepStart): Promise<KeptConversations | null> {
  const inTime = AbortSignal.any([Context.current().cancellationSignal, AbortSignal.timeout(DELETIONS_MS)]);
  const deleted = dryRun ? 0 : await deleteKeptConversations(deps, inTime);
  const left = await countKeptDeletions(deps.db);
  return deleted + left.pending + left.givenUp === 0 ? null : { deleted, ...left };
}

type ScopedInput = SweepPageInput & { readonly user: string | null };

/** Throws `invalid_request` for a request that selects sessions by time without stating whose. */
function checkRequest({ request, user }: SweepPageInput): CleanRequest {
  const checked = parse(cleanRequestSchema, request);
  if (user !== undefined || !isByTime(checked)) return checked;
  throw new PerdureError(
    'invalid_request',
    'A clean-up by time needs a scope. Add "user": "NAME" for the sessions of one user, or "all": true for those of all users.',
  );
}

function isByTime({ idleMs, olderMs }: CleanRequest): boolean {
  return idleMs !== undefined || olderMs !== undefined;
}

async function processPage(
  deps: ActivityDeps,
  input: ScopedInput,
  request: CleanRequest,
  sweep: SweepStart,
): Promise<SweepPosition | null> {
  const { after } = input;
  if (after === 'limits') return (await enforceLimits(deps, sweep, PAGE_SIZE)) ? 'limits' : null;
  if (after === null) {
    await beginSweep(deps.db, sweep);
    await deleteOldAudit(deps.db);
  }
  // Before any session is removed, because its records are removed too.
  if (after === null && !sweep.dryRun) await releaseBudgets(deps, sweep.user);
  const next = await sweepSessions(deps, { ...input, request }, after);
  return next ?? (isByTime(request) ? null : 'limits');
}

/** Returns the position of the next page; null after the last one. */
async function sweepSessions(
  deps: ActivityDeps,
  input: ScopedInput,
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
    if (swept?.action === 'deleted') void deps.live.forget?.(key);
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
