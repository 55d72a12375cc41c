import type { AgentSpec, AgentVersion, ToolSpec } from '../../contracts/agent.ts';
import type { Db, Tx } from '../db/db.ts';
import { sanitizeJson } from '../db/sanitize.ts';

/** Keeps an agent's declarative part under its hash. A version that is there already is left alone. */
export async function saveAgentVersion(db: Tx, { hash, spec, tools }: AgentVersion): Promise<void> {
  await db.query(
    `INSERT INTO perdure.agent_versions (hash, spec, tools) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING`,
    [hash, sanitizeJson(spec).text, sanitizeJson(tools).text],
  );
}

/** The version that a run has pinned; null for a hash that was never saved. */
export async function readAgentVersion(db: Db, hash: string): Promise<AgentVersion | null> {
  const [version] = await db.query<{ hash: string; spec: AgentSpec; tools: ToolSpec[] }>(
    `SELECT hash, spec, tools FROM perdure.agent_versions WHERE hash = $1`,
    [hash],
  );
  return version ?? null;
}
