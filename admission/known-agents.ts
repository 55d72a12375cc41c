import { offeredAgents } from '../store/runs/agent-versions.ts';
import type { AdmissionDeps } from './admission-deps.ts';

/**
 * Returns whether an agent exists: this process has it, or a worker does, as during a rolling deploy. A run of it then
 * waits for a worker that has it.
 */
export async function knownAgents(
  { db, agents }: Pick<AdmissionDeps, 'db' | 'agents'>,
  names: readonly (string | undefined)[],
): Promise<(name: string) => boolean> {
  const foreign = names.filter((name) => name !== undefined && agents.agent(name) === undefined) as string[];
  const offered = await offeredAgents(db, foreign);
  return (name) => agents.agent(name) !== undefined || offered.has(name);
}
