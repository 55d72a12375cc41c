import { agentHash } from '../../contracts/agent-hash.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { eventSchema, type PerdureEvent } from '../../contracts/session/event.ts';
import type { Json } from '../../contracts/json.ts';
import type { SessionExport } from '../../contracts/session/session-export.ts';
import type { SessionLimits } from '../../contracts/session/session-limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { sessionStateSchema, type SessionState } from '../../contracts/session/state.ts';
import { saveAgentVersion } from '../runs/agent-versions.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { cancelOpenRuns } from '../runs/cancel-runs.ts';
import type { Db, Tx } from '../db/db.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import { ensureCapacity, type EvictedSession } from './ensure-capacity.ts';
import { columnsOf, writeTables } from './session-document.ts';
import { sanitizeJson } from '../db/sanitize.ts';

/**
 * Creates a session under `key` from an exported document. Open runs are cancelled, because they may continue where the
 * session was exported. Throws `already_exists`, `session_limit` for an active session when the limit of active sessions
 * is reached, and `invalid_request` for an inconsistent document.
 */
export async function createFromExport(
  db: Db,
  key: SessionKey,
  document: SessionExport,
  limits?: SessionLimits,
): Promise<{ events: PerdureEvent[]; evicted: readonly EvictedSession[] }> {
  checkEvents(key, document);
  for (const version of document.agentVersions) {
    // Versions are shared by all users: content under a foreign hash would be run by others.
    if (agentHash(version) !== version.hash)
      throw broken(`the content of the agent version ${version.hash} does not match its hash`);
  }
  return await db.transaction(async (tx) => {
    const { status, kind } = document.session;
    const evicted = limits && status === 'active' && kind === 'session' ? await ensureCapacity(tx, key, limits) : [];
    if (!(await insertRow(tx, key, { ...document.session, state: stateOf(document) }))) throw alreadyThere(key);
    await writeTables(tx, key, document.tables).catch(asBroken);
    for (const version of document.agentVersions) await saveAgentVersion(tx, version);
    const cancelled = await cancelOpenRuns(tx, await lockExistingSession(tx, key), 'imported');
    const session = await lockExistingSession(tx, key);
    const pending = pendingEvents(session);
    pending.add({ type: 'session.recovered', reason: 'imported' }, null);
    session.row.recovered = 'imported';
    session.row.opened_at = session.at;
    session.row.last_active_at = session.at;
    return { events: [...cancelled, ...(await appendEvents(tx, session, pending))], evicted };
  });
}

/** Throws unless the events are valid and numbered without gaps up to the head. */
function checkEvents(key: SessionKey, { session, tables }: SessionExport): void {
  const events = tables['events'] ?? [];
  if (events.length !== session.head)
    throw broken(`it contains ${events.length} events, but its head is ${session.head}`);
  for (const [index, { seq, type, run_id, step, attempt, at, data }] of events.entries()) {
    const of = { runId: run_id ?? undefined, step: step ?? undefined, attempt: attempt ?? undefined };
    const event = { seq, type, at, sessionId: key.session, ...of, ...(data as Record<string, Json>) };
    if (seq !== index + 1 || !eventSchema.safeParse(event).success) throw broken(`its event ${index + 1} is not valid`);
  }
}

/** In version 1 of the format, the whole state belongs to the namespace `app`. */
function stateOf({ version, session: { state } }: SessionExport): SessionState {
  const namespaces = version === 1 && Object.keys(state).length > 0 ? { app: state } : state;
  const parsed = sessionStateSchema.safeParse(namespaces);
  if (!parsed.success) throw broken('its state is not an object of namespaces');
  return parsed.data;
}

async function insertRow(tx: Tx, key: SessionKey, row: SessionExport['session']): Promise<boolean> {
  // A new creation time: workers cache conversations by it.
  const created_at = new Date().toISOString();
  const values = { ...row, execution: null, created_at } as Record<string, Json>;
  const columns = await columnsOf(tx, 'sessions', values).catch(asBroken);
  const inserted = await tx
    .query(
      `INSERT INTO perdure.sessions (user_id, session_id, ${columns.join(', ')})
       SELECT $1, $2, ${columns.map((name) => `i.${name}`).join(', ')}
         FROM json_populate_record(NULL::perdure.sessions, $3::json) i
       ON CONFLICT DO NOTHING RETURNING 1`,
      [key.user, key.session, sanitizeJson(values).text],
    )
    .catch(asBroken);
  return inserted.length === 1;
}

/** Maps SQLSTATE classes 22 (a value that the column cannot hold) and 23 (a violated constraint) to `invalid_request`. */
function asBroken(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (/^2[23]/.test(code)) throw broken(`one of its rows does not fit its table (SQLSTATE ${code})`);
  throw error;
}

function broken(why: string): PerdureError {
  return new PerdureError(
    'invalid_request',
    `The document is not an export that can be imported: ${why}. Export the session again.`,
  );
}

function alreadyThere({ session }: SessionKey): PerdureError {
  return new PerdureError(
    'already_exists',
    `The session ${JSON.stringify(session)} already exists. Import under another id, or delete that session first.`,
  );
}
