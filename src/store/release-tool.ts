import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export async function releaseTool(
  _db: Db,
  _key: SessionKey,
  _input: { readonly runId: string; readonly callId: string },
): Promise<void> {
  throw new Error('not written yet');
}
