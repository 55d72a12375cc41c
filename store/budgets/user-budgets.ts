import type { UserLimits } from '../../contracts/budget.ts';
import type { Db, Tx } from '../db/db.ts';

/** The limits that an operator has set for a user; null when none were. */
export async function readUserLimits(tx: Tx, user: string): Promise<UserLimits | null> {
  const [row] = await tx.query<{ limits: UserLimits }>(`SELECT limits FROM perdure.user_budgets WHERE user_id = $1`, [
    user,
  ]);
  return row?.limits ?? null;
}

/** As {@link readUserLimits}, and holds the user's row: reservations of one user take turns by it. Take it after the session's. */
export async function lockUserLimits(tx: Tx, user: string): Promise<UserLimits> {
  const lock = `SELECT limits FROM perdure.user_budgets WHERE user_id = $1 FOR UPDATE`;
  const [row] = await tx.query<{ limits: UserLimits }>(lock, [user]);
  if (row) return row.limits;
  await tx.query(`INSERT INTO perdure.user_budgets (user_id, limits) VALUES ($1, '{}') ON CONFLICT DO NOTHING`, [user]);
  const [made] = await tx.query<{ limits: UserLimits }>(lock, [user]);
  return made?.limits ?? {};
}

/** Replaces a user's own limits. What is absent is the deployment's again. */
export async function saveUserLimits(db: Db, user: string, limits: UserLimits): Promise<void> {
  await db.query(
    `INSERT INTO perdure.user_budgets (user_id, limits) VALUES ($1, $2)
         ON CONFLICT (user_id) DO UPDATE SET limits = EXCLUDED.limits`,
    [user, JSON.stringify(limits)],
  );
}
