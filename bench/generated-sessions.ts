import type { Db } from '../store/db/db.ts';

/** The user of half of all sessions. */
export const BIG_USER = 'list-user-0';

/** Generates sessions with unevenly distributed statuses, agents and metadata, and with activity over thirty days. Deterministic. */
export async function generateSessions(db: Db, count: number): Promise<void> {
  await db.query(
    `INSERT INTO perdure.sessions (user_id, session_id, kind, status, agent, metadata, state, policy, head, messages, runs,
       errors, last_ordinal, input_tokens, output_tokens, cached_tokens, reasoning_tokens, created_at, updated_at,
       last_active_at, opened_at, ended_runs, timed_runs, busy_ms)
     SELECT 'list-user-' || CASE WHEN n % 4 < 2 THEN 0 ELSE 1 + (n / 4) % 500 END, 'session-' || n, 'session',
            CASE WHEN n % 100 IN (7, 8) THEN 'failed' WHEN n % 100 < 4 THEN 'expired' WHEN n % 100 < 12 THEN 'completed' ELSE 'active' END,
            CASE WHEN n % 400 IN (40, 43) THEN 'rare' WHEN n % 5 = 1 THEN 'tutor' ELSE 'assistant' END,
            json_build_object('plan', CASE WHEN n % 3 = 0 THEN 'pro' ELSE 'free' END, 'ticket', n, 'note', repeat('x', 60)),
            '{}', '{}', 80, 20, 20, CASE WHEN n % 50 IN (3, 4) THEN 12 ELSE 0 END, 20, 4000, 900, 0, 0, t - interval '3 days', t, t,
            t - interval '3 days', 20, 20, 60000
       FROM (SELECT n, now() - interval '30 days' * (((n::bigint * 7919) % 99991) / 99991.0) AS t
               FROM generate_series(1, $1::int) n) g`,
    [count],
  );
  await db.query('VACUUM ANALYZE perdure.sessions');
}
