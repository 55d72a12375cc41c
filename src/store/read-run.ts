import type { RunDetail } from '../contracts/run.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export async function readRun(_db: Db, _key: SessionKey, _runId: string): Promise<RunDetail | null> {
  throw new Error('not written yet');
}
