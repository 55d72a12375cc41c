import type { AgentSpec, AgentVersion, ToolSpec } from '../../contracts/agent.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db, Tx } from '../db/db.ts';
import { sanitizeJson } from '../db/sanitize.ts';

/** Time after which a version that no worker saves any more counts as gone. Workers save theirs every 30 s. */
const OFFERED_MS = 120_000;

/** Saves an agent version under its hash. When the hash exists, notes that it is still in use, at most every 15 s. */
export async function saveAgentVersion(db: Tx, { hash, spec, tools }: AgentVersion): Promise<void> {
  await db.query(
    `INSERT INTO perdure.agent_versions (hash, spec, tools) VALUES ($1, $2, $3)
         ON CONFLICT (hash) DO UPDATE SET saved_at = now()
      WHERE agent_versions.saved_at < now() - interval '15 s'`,
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

/** Reads the version of an agent that a run of a session has pinned, also one that came with the session's import and is used by no worker. */
export async function readPastAgentVersion(
  db: Db,
  { user, session }: SessionKey,
  hash: string,
): Promise<AgentVersion | null> {
  const [version] = await db.query<{ hash: string; spec: AgentSpec; tools: ToolSpec[] }>(
    `SELECT hash, spec, tools FROM perdure.agent_versions WHERE hash = $3
      UNION ALL
     SELECT hash, spec, tools FROM perdure.imported_agent_versions
      WHERE user_id = $1 AND session_id = $2 AND hash = $3
      LIMIT 1`,
    [user, session, hash],
  );
  return version ?? null;
}

/** Which of the agents a worker has saved lately. During a rolling deploy, they may be agents that the calling worker lacks. */
export async function offeredAgents(db: Tx, names: readonly string[]): Promise<Set<string>> {
  if (names.length === 0) return new Set();
  const rows = await db.query<{ name: string }>(
    `SELECT DISTINCT spec->>'name' AS name FROM perdure.agent_versions
      WHERE spec->>'name' IN (SELECT json_array_elements_text($1::json))
        AND saved_at > now() - make_interval(secs => $2::float8 / 1000)`,
    [JSON.stringify(names), OFFERED_MS],
  );
  return new Set(rows.map(({ name }) => name));
}
