import type { UserLimits } from '../../contracts/budget.ts';
import type { Db, Tx } from '../db/db.ts';

/** Reads the limits that an operator has set for a user; null for none. */
export async function readUserLimits(tx: Tx, user: string): Promise<UserLimits | null> {
  const [row] = await tx.query<{ limits: UserLimits }>(`SELECT limits FROM perdure.user_budgets WHERE user_id = $1`, [
    user,
  ]);
  return row?.limits ?? null;
}

/** Like {@link readUserLimits}, and locks the user's row, which serialises reservations of the user. Lock order: session row, user. */
export async function lockUserLimits(tx: Tx, user: string): Promise<UserLimits> {
  const lock = `SELECT limits FROM perdure.user_budgets WHERE user_id = $1 FOR UPDATE`;
  const [row] = await tx.query<{ limits: UserLimits }>(lock, [user]);
  if (row) return row.limits;
  await tx.query(`INSERT INTO perdure.user_budgets (user_id, limits) VALUES ($1, '{}') ON CONFLICT DO NOTHING`, [user]);
  const [made] = await tx.query<{ limits: UserLimits }>(lock, [user]);
  return made?.limits ?? {};
}

/** Replaces the limits set for a user. The deployment's limit applies to each one that is absent. */
export async function saveUserLimits(db: Db, user: string, limits: UserLimits): Promise<void> {
  await db.query(
    `INSERT INTO perdure.user_budgets (user_id, limits) VALUES ($1, $2)
         ON CONFLICT (user_id) DO UPDATE SET limits = EXCLUDED.limits`,
    [user, JSON.stringify(limits)],
  );
  db.memory?.forgetUser(user);
}
