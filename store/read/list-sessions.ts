import { LIMITS } from '../../contracts/limits.ts';
import type { SessionRecord, SessionStatus } from '../../contracts/session/session.ts';
import { positionIn } from '../db/cursor.ts';
import type { Db } from '../db/db.ts';
import { cutPage, pageSize } from '../db/page.ts';
import { SESSION_COLUMNS, sessionRecordOf, type SessionRecordRow } from './session-record.ts';

export interface SessionQuery {
  readonly status?: SessionStatus | undefined;
  readonly agent?: string | undefined;
  /** Keys and their values as text: `5` finds the number 5 too. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** ISO 8601. */
  readonly activeSince?: string | undefined;
  /** Failed runs of ended ones, at least: 0 to 1. */
  readonly minErrorRate?: number | undefined;
  /** At most 200. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface SessionPage {
  readonly data: SessionRecord[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** Conditions that are all to hold, joined with AND, and their parameters. */
export interface Conditions {
  readonly sql: string[];
  readonly params: unknown[];
  /** A parameter's place in the SQL. */
  readonly param: (value: unknown) => string;
}

/** What the filters of every list of sessions mean; only what is asked for is in the SQL, so that the planner sees it. Runs without a session are left out. */
export function sessionConditions(filter: SessionQuery): Conditions {
  const { status, agent, metadata = {}, activeSince, minErrorRate } = filter;
  const params: unknown[] = [];
  const param = (value: unknown): string => `$${params.push(value)}`;
  const sql = [`s.kind = 'session'`];
  if (status !== undefined) sql.push(`s.status = ${param(status)}`);
  // What the index of sessions that are not active holds.
  if (status !== undefined && status !== 'active') sql.push(`s.status <> 'active'`);
  if (agent !== undefined) sql.push(`s.agent = ${param(agent)}`);
  if (activeSince !== undefined) sql.push(`s.last_active_at >= ${param(activeSince)}`);
  if (minErrorRate !== undefined) {
    sql.push(`s.ended_runs > 0 AND s.errors >= ${param(minErrorRate)}::float8 * s.ended_runs`);
    // What the index of sessions with errors holds.
    if (minErrorRate > 0) sql.push('s.errors > 0');
  }
  if (Object.keys(metadata).length > 0) {
    const sought = param(JSON.stringify(metadata));
    sql.push(
      `s.metadata <> '{}'`,
      ...Object.entries(metadata).map(([key, value]) => containing(key, value, param)),
      `NOT EXISTS (SELECT FROM json_each_text(${sought}::json) f WHERE s.metadata ->> f.key IS DISTINCT FROM f.value)`,
    );
  }
  return { sql, params, param };
}

/** What the index of metadata can tell: all that have the value as text, or as the JSON that the text is, and perhaps some more. */
function containing(key: string, value: string, param: Conditions['param']): string {
  const name = JSON.stringify(key);
  const asText = `s.metadata @> ${param(`{${name}:${JSON.stringify(value)}}`)}::jsonb`;
  return isJson(value) ? `(${asText} OR s.metadata @> ${param(`{${name}:${value}}`)}::jsonb)` : asText;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A page of the sessions that meet the conditions, in order. `positionOf` gives the values that the order compares. */
export async function readPage(
  db: Db,
  { sql, params, param }: Conditions,
  order: string,
  limit: number,
  positionOf: (last: SessionRecordRow) => readonly string[],
): Promise<SessionPage> {
  const select = `SELECT ${SESSION_COLUMNS} FROM perdure.sessions s WHERE ${sql.join(' AND ')} ORDER BY ${order} LIMIT ${param(limit + 1)}`;
  const { page, nextCursor } = cutPage(await rowsOf(db, select, params), limit, positionOf);
  return { data: page.map(sessionRecordOf), nextCursor };
}

async function rowsOf(db: Db, select: string, params: readonly unknown[]): Promise<SessionRecordRow[]> {
  if (!select.includes('@>')) return await db.query<SessionRecordRow>(select, params);
  return await db.transaction(async (tx) => {
    // Whether a value is rare decides on the index; a plan made for any value takes every value for rare.
    await tx.query('SET LOCAL plan_cache_mode = force_custom_plan');
    return await tx.query<SessionRecordRow>(select, params);
  });
}

/** A user's sessions, newest activity first. Throws `invalid_request` for a cursor that is none. */
export async function listSessions(db: Db, user: string, filter: SessionQuery): Promise<SessionPage> {
  const limit = pageSize(filter.limit, LIMITS.sessionsPerPage.value);
  const conditions = sessionConditions(filter);
  const { sql, param } = conditions;
  sql.push(`s.user_id = ${param(user)}`);
  if (filter.cursor !== undefined) {
    const [at, id] = positionIn(filter.cursor, ['time', 'string']);
    sql.push(`(s.last_active_at, s.session_id) < (${param(at)}, ${param(id)})`);
  }
  const order = 's.last_active_at DESC, s.session_id DESC';
  return await readPage(db, conditions, order, limit, (last) => [last.last_active_at, last.session_id]);
}
