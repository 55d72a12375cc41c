import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { RunDetail } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../../store/db/db.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { readHeads } from '../../store/read/read-heads.ts';
import { readRun } from '../../store/read/read-run.ts';

/** The queries of a feed. */
export interface FeedStore {
  /** Durable events with `seq` above `after`, in order, at most `limit`. An empty page is the end. */
  readEvents(
    key: SessionKey,
    page: { after: number; limit: number },
  ): Promise<{ readonly events: readonly PerdureEvent[] }>;
  /** The newest `seq` of each session, in the order of `keys`; null for a session that does not exist. One query. */
  readHeads(keys: readonly SessionKey[]): Promise<(number | null)[]>;
  readRun(key: SessionKey, runId: string): Promise<RunDetail | null>;
}

export function feedStoreOf(db: Db): FeedStore {
  return {
    readEvents: async (key, page) => readEvents(db, key, page),
    readHeads: async (keys) => readHeads(db, keys),
    readRun: async (key, runId) => readRun(db, key, runId),
  };
}
