import type { PerdureEvent } from '../contracts/event.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';
import type { OpenRun } from './open-run.ts';

export async function resumeRun(
  _db: Db,
  _key: SessionKey,
  _runId: string,
): Promise<{ run: OpenRun; events: PerdureEvent[] }> {
  throw new Error('not written yet');
}
