import { LIMITS } from '../../../contracts/limits.ts';
import type { SessionFilter } from '../../../contracts/session/list-filters.ts';
import type { SessionRecord, SessionStatus } from '../../../contracts/session/session.ts';
import { positionIn } from '../../db/cursor.ts';
import type { Db, Tx } from '../../db/db.ts';
import { cutPage, pageSize } from '../../db/page.ts';
import { sanitizeJson } from '../../db/sanitize.ts';
import { boundedRead } from './bounded-read.ts';
import { newConditions, type Conditions } from './conditions.ts';
import { addSessionFilter } from './session-filter.ts';
import { SESSION_COLUMNS, sessionRecordOf, type SessionRecordRow } from '../session-record.ts';

/** Filters of a list of sessions. */
export interface SessionSelection extends SessionFilter {
  readonly status?: SessionStatus | undefined;
  /** Any of these. */
  readonly statuses?: readonly SessionStatus[] | undefined;
  readonly idPrefix?: string | undefined;
  /** Keys with their values as text: `5` also matches the number 5. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Only sessions with activity since this time, ISO 8601. */
  readonly activeSince?: string | undefined;
  /** Minimum share of failed runs among ended ones: 0 to 1. */
  readonly minErrorRate?: number | undefined;
}

/** Which sessions to list, and the page. */
export interface SessionListQuery extends SessionSelection {
  /** Page size, at most 200. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface SessionPage {
  readonly data: SessionRecord[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** Returns the conditions of a list of sessions. Only the given filters are part of the SQL, so that the planner can choose an index. Excludes runs without a session. */
export function sessionConditions(filter: SessionSelection): Conditions {
  const { status, agent, idPrefix, metadata = {}, activeSince, minErrorRate } = filter;
  const conditions = newConditions();
  const { sql, param } = conditions;
  sql.push(`s.kind = 'session'`);
  if (status !== undefined) sql.push(`s.status = ${param(status)}`);
  // Repeats the predicate of the partial index `sessions_by_status`.
  if (status !== undefined && status !== 'active') sql.push(`s.status <> 'active'`);
  if (filter.statuses !== undefined) sql.push(`s.status IN (${filter.statuses.map((one) => `'${one}'`).join(', ')})`);
  if (agent !== undefined) sql.push(`s.agent = ${param(agent)}`);
  if (idPrefix !== undefined) sql.push(`starts_with(s.session_id, ${param(idPrefix)})`);
  // In UTC, because PostgreSQL refuses offsets above 15:59.
  if (activeSince !== undefined) sql.push(`s.last_active_at >= ${param(new Date(activeSince).toISOString())}`);
  if (minErrorRate !== undefined) {
    sql.push(`s.ended_runs > 0 AND s.errors >= ${param(minErrorRate)}::float8 * s.ended_runs`);
    // Repeats the predicate of the partial index `sessions_with_errors`.
    if (minErrorRate > 0) sql.push('s.errors > 0');
  }
  addSessionFilter(conditions, filter);
  if (Object.keys(metadata).length > 0) {
    conditions.isCostly = true;
    const sought = param(sanitizeJson(metadata).text);
    sql.push(
      `s.metadata <> '{}'`,
      ...Object.entries(metadata).map(([key, value]) => containing(key, value, param)),
      `NOT EXISTS (SELECT FROM json_each_text(${sought}::json) f WHERE s.metadata ->> f.key IS DISTINCT FROM f.value)`,
    );
  }
  return conditions;
}

/** Returns a condition that the index of metadata supports. Selects a superset: rows with the value as text, or as the JSON value that the text denotes. */
function containing(key: string, value: string, param: Conditions['param']): string {
  const isContained = (json: string) => `s.metadata @> ${param(json)}::jsonb`;
  const asText = isContained(sanitizeJson({ [key]: value }).text);
  const name = sanitizeJson(key).text;
  return isStorableJson(value) ? `(${asText} OR ${isContained(`{${name}:${value}}`)})` : asText;
}

/** Exponents of four digits and escapes of NUL and surrogates: JSON that PostgreSQL may refuse, so that nothing stored has it. */
const UNSTORABLE_JSON = /e[+-]?\d{4}|\\u(?:0000|d[89a-f])/i;

/** Whether a text is JSON that PostgreSQL accepts. Numbers keep their digits, so the text is not parsed and written again. */
function isStorableJson(text: string): boolean {
  if (UNSTORABLE_JSON.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Reads a page of sessions. `positionOf` returns the values that `order` compares, for the cursor. */
export async function readPage(
  db: Db,
  { sql, params, param, isCostly }: Conditions,
  order: string,
  limit: number,
  positionOf: (last: SessionRecordRow) => readonly string[],
): Promise<SessionPage> {
  const select = `SELECT ${SESSION_COLUMNS} FROM perdure.sessions s WHERE ${sql.join(' AND ')} ORDER BY ${order} LIMIT ${param(limit + 1)}`;
  const read = (tx: Tx) => tx.query<SessionRecordRow>(select, params);
  const rows = isCostly ? await boundedRead(db, read) : await read(db);
  const { page, nextCursor } = cutPage(rows, limit, positionOf);
  return { data: page.map(sessionRecordOf), nextCursor };
}

/** Lists a user's sessions, newest activity first. Throws `invalid_request` for an invalid cursor. */
export async function listSessions(db: Db, user: string, filter: SessionListQuery): Promise<SessionPage> {
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
