import type { AgentRelease } from '../../../contracts/admin/agent-release.ts';
import type { Tx } from '../../db/db.ts';

export interface StoredRelease extends AgentRelease {
  readonly agent: string;
  /** With the user, determines who has the candidate. */
  readonly salt: string;
}

/** Reads the releases of all agents, or of one. */
export async function readReleases(db: Tx, agent: string | null = null): Promise<StoredRelease[]> {
  return await db.query<StoredRelease>(
    `SELECT agent, base, candidate, share, salt, updated_at AS "updatedAt" FROM perdure.agent_releases
      WHERE $1::text IS NULL OR agent = $1`,
    [agent],
  );
}
