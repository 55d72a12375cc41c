import type { AgentSpec, AgentVersion, ToolSpec } from '../../contracts/agent.ts';
import type { Db, Tx } from '../db/db.ts';
import { sanitizeJson } from '../db/sanitize.ts';

/** Saves an agent version under its hash. Does nothing when the hash exists. */
export async function saveAgentVersion(db: Tx, { hash, spec, tools }: AgentVersion): Promise<void> {
  await db.query(
    `INSERT INTO perdure.agent_versions (hash, spec, tools) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING`,
    [hash, sanitizeJson(spec).text, sanitizeJson(tools).text],
  );
}

/** Reads an agent version by its hash; null when it was never saved. */
export async function readAgentVersion(db: Db, hash: string): Promise<AgentVersion | null> {
  const [version] = await db.query<{ hash: string; spec: AgentSpec; tools: ToolSpec[] }>(
    `SELECT hash, spec, tools FROM perdure.agent_versions WHERE hash = $1`,
    [hash],
  );
  return version ?? null;
}
