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
 * Makes the session of a document `key`'s own, whoever's it was. Runs that were open in it are cancelled: where it came
 * from they may be going on. Throws `already_exists`, `session_limit` where no more sessions may be active and this one is,
 * and `invalid_request` for a document that does not hold together.
 */
export async function createFromExport(
  db: Db,
  key: SessionKey,
  document: SessionExport,
  limits?: SessionLimits,
): Promise<{ events: PerdureEvent[]; evicted: readonly EvictedSession[] }> {
  checkEvents(key, document);
  for (const version of document.agentVersions) {
    // Versions are everybody's: one under another's name would be run by others.
    if (agentHash(version) !== version.hash) throw broken(`the agent version ${version.hash} has other content`);
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

/** Without gaps, and each an event that readers understand. */
function checkEvents(key: SessionKey, { session, tables }: SessionExport): void {
  const events = tables['events'] ?? [];
  if (events.length !== session.head) throw broken(`it has ${events.length} events, and its head is ${session.head}`);
  for (const [index, { seq, type, run_id, step, attempt, at, data }] of events.entries()) {
    const of = { runId: run_id ?? undefined, step: step ?? undefined, attempt: attempt ?? undefined };
    const event = { seq, type, at, sessionId: key.session, ...of, ...(data as Record<string, Json>) };
    if (seq !== index + 1 || !eventSchema.safeParse(event).success) throw broken(`its event ${index + 1} is not valid`);
  }
}

/** Before there were namespaces, all of the state was the application's. */
function stateOf({ version, session: { state } }: SessionExport): SessionState {
  const namespaces = version === 1 && Object.keys(state).length > 0 ? { app: state } : state;
  const parsed = sessionStateSchema.safeParse(namespaces);
  if (!parsed.success) throw broken('its state is not made of namespaces');
  return parsed.data;
}

async function insertRow(tx: Tx, key: SessionKey, row: SessionExport['session']): Promise<boolean> {
  // Created here and now: workers know conversations by when they were created.
  const created_at = new Date().toISOString();
  const kept = { ...row, execution: null, created_at } as Record<string, Json>;
  const columns = await columnsOf(tx, 'sessions', kept).catch(asBroken);
  const inserted = await tx
    .query(
      `INSERT INTO perdure.sessions (user_id, session_id, ${columns.join(', ')})
       SELECT $1, $2, ${columns.map((name) => `i.${name}`).join(', ')}
         FROM json_populate_record(NULL::perdure.sessions, $3::json) i
       ON CONFLICT DO NOTHING RETURNING 1`,
      [key.user, key.session, sanitizeJson(kept).text],
    )
    .catch(asBroken);
  return inserted.length === 1;
}

/** SQLSTATEs 22 and 23: a value that its column cannot hold, or a row that is not what its table asks for. */
function asBroken(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (/^2[23]/.test(code)) throw broken(`a row of it is not what its table holds (SQLSTATE ${code})`);
  throw error;
}

function broken(why: string): PerdureError {
  return new PerdureError(
    'invalid_request',
    `The document is not an export that can be imported: ${why}. Export again.`,
  );
}

function alreadyThere({ session }: SessionKey): PerdureError {
  return new PerdureError(
    'already_exists',
    `There is a session ${JSON.stringify(session)} of yours. Import under another id, or delete that session first.`,
  );
}
