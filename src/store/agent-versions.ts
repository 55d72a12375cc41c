import type { AgentVersion } from '../contracts/agent.ts';
import type { Db } from './db.ts';

export async function saveAgentVersion(_db: Db, _version: AgentVersion): Promise<void> {
  throw new Error('not written yet');
}
export async function readAgentVersion(_db: Db, _hash: string): Promise<AgentVersion | null> {
  throw new Error('not written yet');
}
