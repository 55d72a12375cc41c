import type { SessionRecord, SessionStatus } from '../contracts/session.ts';
import type { Db } from './db.ts';

export interface SessionFilter {
  readonly status?: SessionStatus | undefined;
  readonly agent?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly activeSince?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}
export interface SessionPage {
  readonly data: SessionRecord[];
  readonly nextCursor: string | null;
}
export async function listSessions(_db: Db, _user: string, _filter: SessionFilter): Promise<SessionPage> {
  throw new Error('not written yet');
}
