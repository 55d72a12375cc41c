import { randomUUID } from 'node:crypto';
import type { Tx } from '../../db/db.ts';

/** For operators: releases a version to a share of users. The same candidate keeps its users when its share grows. */
export async function saveRelease(
  db: Tx,
  {
    agent,
    base,
    candidate,
    share,
  }: { readonly agent: string; readonly base: string; readonly candidate: string | null; readonly share: number },
): Promise<void> {
  await db.query(
    `INSERT INTO perdure.agent_releases AS r (agent, base, candidate, share, salt, updated_at)
     VALUES ($1, $2, $3, $4, $5, clock_timestamp())
         ON CONFLICT (agent) DO UPDATE
        SET base = EXCLUDED.base, candidate = EXCLUDED.candidate, share = EXCLUDED.share, updated_at = EXCLUDED.updated_at,
            salt = CASE WHEN r.candidate = EXCLUDED.candidate THEN r.salt ELSE EXCLUDED.salt END`,
    [agent, base, candidate, share, randomUUID()],
  );
}

/** For operators: ends a release. Everybody has the version of the workers then. */
export async function removeRelease(db: Tx, agent: string): Promise<void> {
  await db.query(`DELETE FROM perdure.agent_releases WHERE agent = $1`, [agent]);
}
