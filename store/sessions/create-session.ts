import type { Policy } from '../../contracts/agent.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { NO_CALL_SUMS, NO_COST, NO_TOKENS } from '../log/sums.ts';
import { sanitizeJson } from '../db/sanitize.ts';

/** What a session is created with. */
export interface NewSession {
  readonly kind: 'session' | 'run';
  readonly agent: string;
  readonly policy: Policy;
  readonly execution: string | null;
}

/** Returns a session that is not stored yet, at head 0, for {@link insertSession}. */
export function blankSession(
  key: SessionKey,
  at: string,
  { kind, agent, policy, execution }: NewSession,
): LockedSession {
  const sums = { ...NO_TOKENS, ...NO_COST, ...NO_CALL_SUMS };
  // Unlike that of a deleted session with the same id, which an activity may still believe to serve.
  const epoch = Math.floor(Math.random() * 1e9);
  const counters = { epoch, head: 0, messages: 0, runs: 0, errors: 0, last_ordinal: 0, ...sums };
  const row = { kind, status: 'active', agent, policy, end_reason: null, execution, served_by: null } as const;
  return {
    key,
    at,
    atMs: performance.now(),
    createdAt: at,
    version: '',
    row: { ...row, ...counters, last_active_at: at, opened_at: at, recovered: null },
  };
}

/** Inserts a blank session, which locks it. Returns false when another transaction has created it meanwhile; the caller then locks that one. */
export async function insertSession(tx: Tx, { key, at, row }: LockedSession, metadata: JsonObject): Promise<boolean> {
  const inserted = await tx.query(
    `INSERT INTO perdure.sessions (user_id, session_id, kind, status, agent, metadata, state, policy, head, messages,
       runs, errors, last_ordinal, input_tokens, output_tokens, cached_tokens, reasoning_tokens, execution,
       epoch, created_at, updated_at, last_active_at, opened_at)
     VALUES ($1, $2, $3, 'active', $4, $5, '{}', $6, 0, 0, 0, 0, 0, 0, 0, 0, 0, $7, $9, $8, $8, $8, $8)
     ON CONFLICT (user_id, session_id) DO NOTHING
     RETURNING 1`,
    [
      key.user,
      key.session,
      row.kind,
      row.agent,
      sanitizeJson(metadata).text,
      JSON.stringify(row.policy),
      row.execution,
      at,
      row.epoch,
    ],
  );
  return inserted.length === 1;
}
