import type { BatchOrder, BatchPreview } from '../../../contracts/admin/batch.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../../contracts/session/session.ts';
import type { Db } from '../../db/db.ts';
import { boundedRead } from '../../read/lists/bounded-read.ts';
import { sessionConditions, type SessionSelection } from '../../read/lists/list-sessions.ts';
import { countRuns, matchesRun } from '../../read/lists/match-runs.ts';
import { listRunsAcross } from '../../read/lists/run-listing.ts';
import type { RunSelection } from '../../read/lists/run-conditions.ts';
import { listAllSessions } from '../reports/list-all-sessions.ts';

/** A run or session that a batch is about. */
export interface BatchTarget {
  readonly key: SessionKey;
  /** Null: the session. */
  readonly runId: string | null;
}

export interface TargetPage {
  readonly targets: BatchTarget[];
  /** The cursor of the next page; null on the last one. */
  readonly next: string | null;
}

/** Runs or sessions that a dry run shows. */
const SAMPLE = 10;
/** Runs or sessions that are selected at once. */
const PAGE_SIZE = 200;

/** The statuses that an action on sessions is for, unless its filter has one. */
const STATUSES: Readonly<Record<'end' | 'archive', readonly SessionStatus[]>> = {
  end: ['active'],
  archive: ['completed', 'failed', 'expired'],
};

/** Nothing is selected that is newer than the time from which ages count. */
function runsOf({ action, filter }: RunOrder): RunSelection {
  const { all: _, user: _user, status = action === 'cancel' ? 'open' : 'failed', ...rest } = filter;
  return { ...rest, status, minAgeMs: rest.minAgeMs ?? 0 };
}

function sessionsOf({ action, filter }: SessionOrder): SessionSelection {
  const { all: _, user: _user, ...rest } = filter;
  return rest.status === undefined ? { ...rest, statuses: STATUSES[action] } : rest;
}

type RunOrder = Extract<BatchOrder, { action: 'cancel' | 'resume' }>;
type SessionOrder = Exclude<BatchOrder, RunOrder>;

function isOfRuns(order: BatchOrder): order is RunOrder {
  return order.action === 'cancel' || order.action === 'resume';
}

/** Selects a page of what a batch is about, as of a time, ISO 8601. Throws as `listRunsAcross`. */
export async function findTargets(
  db: Db,
  order: BatchOrder,
  { asOf, cursor }: { readonly asOf: string; readonly cursor: string | null },
): Promise<TargetPage> {
  const page = { limit: PAGE_SIZE, ...(cursor === null ? {} : { cursor }) };
  if (isOfRuns(order)) {
    const listing = { ...runsOf(order), ...page, order: 'newest', at: asOf } as const;
    const { data, nextCursor } = await listRunsAcross(db, order.filter.user ?? null, listing);
    const targets = data.map(({ user, sessionId, id }) => ({ key: { user, session: sessionId }, runId: id }));
    return { targets, next: nextCursor ?? null };
  }
  const { data, nextCursor } = await listAllSessions(db, {
    ...sessionsOf(order),
    ...page,
    user: order.filter.user,
  });
  const targets = data.map(({ user, id }) => ({ key: { user, session: id }, runId: null }));
  return { targets, next: nextCursor };
}

/** Whether a target still matches the filter of its batch. */
export async function stillMatches(
  db: Db,
  order: BatchOrder,
  { key, runId }: BatchTarget,
  asOf: string,
): Promise<boolean> {
  if (isOfRuns(order)) return runId !== null && (await matchesRun(db, key, runId, runsOf(order), asOf));
  const { sql, params, param } = sessionConditions(sessionsOf(order));
  sql.push(`s.user_id = ${param(key.user)}`, `s.session_id = ${param(key.session)}`);
  const select = `SELECT 1 FROM perdure.sessions s WHERE ${sql.join(' AND ')}`;
  return (await boundedRead(db, async (tx) => await tx.query(select, params))).length > 0;
}

/** Counts what a batch would begin with now, at most one more than it takes, with a sample. */
export async function previewBatch(db: Db, order: BatchOrder): Promise<BatchPreview> {
  const most = LIMITS.batchItems.value + 1;
  const { action } = order;
  if (isOfRuns(order)) {
    const owner = order.filter.user ?? null;
    const selection = runsOf(order);
    const matches = await countRuns(db, owner, selection, most);
    const { data } = await listRunsAcross(db, owner, { ...selection, order: 'newest', limit: SAMPLE });
    const sample = data.map(({ user, sessionId, id, agent, status, createdAt, costUsd }) => ({
      user,
      sessionId,
      runId: id,
      agent,
      status,
      createdAt,
      costUsd,
    }));
    return { action, matches, sample };
  }
  const selection = { ...sessionsOf(order), user: order.filter.user };
  const { data } = await listAllSessions(db, { ...selection, limit: SAMPLE });
  const sample = data.map(({ user, id, agent, status, createdAt, costUsd }) => ({
    user,
    sessionId: id,
    runId: null,
    agent,
    status,
    createdAt,
    costUsd,
  }));
  const { sql, params, param } = sessionConditions(selection);
  if (selection.user !== undefined) sql.push(`s.user_id = ${param(selection.user)}`);
  const counted = `SELECT count(*)::integer AS count FROM (SELECT 1 FROM perdure.sessions s WHERE ${sql.join(' AND ')} LIMIT ${param(most)}) m`;
  const [row] = await boundedRead(db, async (tx) => await tx.query<{ count: number }>(counted, params));
  return { action, matches: row?.count ?? 0, sample };
}
