import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { workflowIdOf, type SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import type { FeedStore } from './feed-store.ts';
import { Hub } from './hub.ts';
import { noSuchSession } from '../../store/log/lock-session.ts';
import { Reader, type ReaderOptions } from './reader.ts';

export interface FeedOptions {
  readonly store: FeedStore;
  readonly live: LiveChannel;
  /** Interval at which the store is polled for events whose notification was lost, in ms. Default 2,000. */
  readonly pollMs?: number | undefined;
  /** Interval of comments on idle streams, in ms. Default 15,000. */
  readonly commentMs?: number | undefined;
}

interface OpenOptions extends Omit<ReaderOptions, 'after'> {
  /** `seq` of the last event that the reader has; `now` for future events only. */
  readonly after: number | 'now';
  /** Whether to wait for a session that does not exist. Default false: `not_found`. */
  readonly mayBeAbsent?: boolean;
}

/** All event streams of a gateway, with one hub for each session that has readers. */
export interface Feed {
  /** The caller must close the reader. Rejects with `not_found`, with `invalid_request` for an `after` beyond the newest event, and with `rate_limited`. */
  open(key: SessionKey, options: OpenOptions): Promise<Reader>;
  /** Number of open readers. */
  readonly readers: number;
  /** Number of sessions with readers. */
  readonly sessions: number;
  /** Ends every reader. */
  readonly close: () => void;
}

interface HubEntry {
  readonly hub: Hub;
  readonly started: Promise<number | null>;
  readers: number;
}

/** One per gateway. */
export function createFeed(options: FeedOptions): Feed {
  const { store, live } = options;
  const entries = new Map<string, HubEntry>();
  const readers = new Set<Reader>();
  let opening = 0;
  let polling = false;

  const polls = setInterval(() => void poll(), options.pollMs ?? 2_000);
  const comments = setInterval(() => readers.forEach((reader) => reader.keepAlive()), options.commentMs ?? 15_000);
  polls.unref();
  comments.unref();

  /** One query for all sessions with readers. */
  async function poll(): Promise<void> {
    const hubs = [...entries.values()].map(({ hub }) => hub);
    if (polling || hubs.length === 0) return;
    polling = true;
    try {
      const before = hubs.map((hub) => hub.head);
      const heads = await store.readHeads(hubs.map((hub) => hub.key));
      hubs.forEach((hub, index) => hub.applyPolledHead(heads[index] ?? null, before[index] ?? 0));
    } catch {
      // The store is unavailable; the next poll follows soon.
    } finally {
      polling = false;
    }
  }

  function entryOf(key: SessionKey): { entry: HubEntry; isNew: boolean } {
    const name = workflowIdOf(key);
    const known = entries.get(name);
    if (known !== undefined && !known.hub.closed) return { entry: known, isNew: false };
    const hub = new Hub(key, store, live);
    const entry = { hub, started: hub.start(), readers: 0 };
    entries.set(name, entry);
    return { entry, isNew: true };
  }

  function release(key: SessionKey, entry: HubEntry): void {
    entry.readers -= 1;
    if (entry.readers > 0) return;
    entry.hub.close();
    const name = workflowIdOf(key);
    if (entries.get(name) === entry) entries.delete(name);
  }

  async function openReader(key: SessionKey, { after, mayBeAbsent = false, ...rest }: OpenOptions): Promise<Reader> {
    const { entry, isNew } = entryOf(key);
    entry.readers += 1;
    try {
      const atStart = await entry.started;
      const [head = null] = isNew ? [atStart] : await store.readHeads([key]);
      if (head === null && !mayBeAbsent) throw noSuchSession(key);
      if (after !== 'now' && after > (head ?? 0)) throw beyondHead(after, head ?? 0);
      const from = after === 'now' ? (head ?? 0) : after;
      const reader = new Reader(entry.hub, store, { ...rest, after: from }, () => {
        readers.delete(reader);
        release(key, entry);
      });
      readers.add(reader);
      return reader;
    } catch (error) {
      release(key, entry);
      throw error;
    }
  }

  return {
    async open(key, openOptions) {
      const limit = LIMITS.subscribersPerGateway.value;
      if (readers.size + opening >= limit) {
        const message = `This gateway has ${limit} open event streams, which is its limit. Try again, or use another gateway.`;
        throw new PerdureError('rate_limited', message, { retryAfterMs: 5_000 });
      }
      opening += 1;
      try {
        return await openReader(key, openOptions);
      } finally {
        opening -= 1;
      }
    },
    get readers() {
      return readers.size;
    },
    get sessions() {
      return entries.size;
    },
    close() {
      clearInterval(polls);
      clearInterval(comments);
      for (const reader of readers) reader.end();
    },
  };
}

function beyondHead(after: number, head: number): PerdureError {
  return new PerdureError(
    'invalid_request',
    `The event ${after} is after the session's newest, ${head}: the session was deleted and created again. Read it from the start with after=0.`,
  );
}
