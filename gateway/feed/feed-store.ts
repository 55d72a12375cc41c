import { LIMITS } from '../../contracts/limits.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { RunDetail } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { CurrentPauses } from '../../core/pauses/current-pauses.ts';
import type { Db } from '../../store/db/db.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { readHeads } from '../../store/read/read-heads.ts';
import { readRunHoldups, type RunHoldup } from '../../store/read/read-run-holdups.ts';
import { readRun } from '../../store/read/read-run.ts';
import { createUserTurns, type UserTurns } from './user-turns.ts';

/** The queries of a feed. */
export interface FeedStore {
  /** Durable events with `seq` above `after`, in order, at most `limit` and about `LIMITS.eventPageBytes`. `more`: whether further ones may follow. */
  readEvents(
    key: SessionKey,
    page: { after: number; limit: number },
  ): Promise<{ readonly events: readonly PerdureEvent[]; readonly more: boolean }>;
  /** The newest `seq` of each session, in the order of `keys`; null for a session that does not exist. One query. */
  readHeads(keys: readonly SessionKey[]): Promise<(number | null)[]>;
  readRun(key: SessionKey, runId: string): Promise<RunDetail | null>;
  /** What holds up the open run of each session, in the order of `keys`. One query. */
  readHoldups(keys: readonly SessionKey[]): Promise<(RunHoldup | null)[]>;
  /** What operators have paused. Default: nothing. */
  readonly pauses?: CurrentPauses;
  /** Whether a worker takes work. */
  hasWorkers(): Promise<boolean>;
}

export interface FeedStoreOptions {
  /** Bounds the reads of each user at once, so that one user's many streams do not delay the others. Default: of its own. */
  readonly turns?: UserTurns;
  /** What operators have paused. Default: nothing. */
  readonly pauses?: FeedStore['pauses'];
  /** Whether a worker takes work. Default: always. */
  readonly hasWorkers?: () => Promise<boolean>;
}

export function feedStoreOf(db: Db, options: FeedStoreOptions = {}): FeedStore {
  const {
    turns = createUserTurns(LIMITS.streamReadsPerUser.value),
    hasWorkers = async () => true,
    pauses = { current: [] },
  } = options;
  return {
    readHoldups: async (keys) => readRunHoldups(db, keys),
    hasWorkers,
    pauses,
    readEvents: async (key, page) => turns.run(key.user, async () => readEvents(db, key, page)),
    readHeads: async (keys) => readHeads(db, keys),
    readRun: async (key, runId) => readRun(db, key, runId),
  };
}
