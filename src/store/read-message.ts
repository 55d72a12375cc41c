import type { Receipt } from '../contracts/message.ts';
import type { RunRecord } from '../contracts/run.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export async function readMessage(
  _db: Db,
  _key: SessionKey,
  _messageId: string,
): Promise<{ receipt: Receipt; run: RunRecord | null } | null> {
  throw new Error('not written yet');
}
