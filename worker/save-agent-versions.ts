import type { AgentRegistry } from '../agents/agent-registry.ts';
import type { Db } from '../store/db/db.ts';
import { saveAgentVersion } from '../store/runs/agent-versions.ts';

/** Stores the current version of every agent. Required before a run may pin one of them: another worker may have to continue the run. */
export async function saveAgentVersions(db: Db, agents: AgentRegistry): Promise<void> {
  const versions = agents.list().flatMap(({ name }) => agents.agent(name) ?? []);
  await Promise.all(versions.map((version) => saveAgentVersion(db, version)));
}
