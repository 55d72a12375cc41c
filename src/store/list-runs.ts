import type { RunRecord } from '../contracts/run.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export interface RunPage {
  readonly data: RunRecord[];
  readonly nextCursor: string | null;
}
export async function listRuns(
  _db: Db,
  _key: SessionKey,
  _page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<RunPage> {
  throw new Error('not written yet');
}
