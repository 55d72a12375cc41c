import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { workflowIdOf, type SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import type { FeedStore } from './feed-store.ts';
import { Hub } from './hub.ts';
import { Reader, type ReaderOptions } from './reader.ts';

export interface FeedOptions {
  readonly store: FeedStore;
  readonly live: LiveChannel;
  /** How often the store is asked for what lost bells would have told, in ms. Default 2,000. */
  readonly lookMs?: number | undefined;
  /** How often silent readers are sent a comment, in ms. Default 15,000. */
  readonly commentMs?: number | undefined;
}

interface OpenOptions extends Omit<ReaderOptions, 'after'> {
  /** The last event that the reader has; `now` for what comes from now on. */
  readonly after: number | 'now';
  /** Whether a session that does not exist is waited for. Default false: `not_found`. */
  readonly mayBeAbsent?: boolean;
}

/** Every event stream of a gateway: a hub for each session that has readers. */
export interface Feed {
  /** Rejects with `not_found`, `invalid_request` for an `after` beyond the newest event, or `rate_limited`. Close the reader, whatever happens. */
  open(key: SessionKey, options: OpenOptions): Promise<Reader>;
  /** Readers now. */
  readonly readers: number;
  /** Sessions that have a reader. */
  readonly sessions: number;
  /** Ends every reader. */
  readonly close: () => void;
}

interface Place {
  readonly hub: Hub;
  readonly started: Promise<number | null>;
  readers: number;
}

/** One per gateway. */
export function createFeed(options: FeedOptions): Feed {
  const { store, live } = options;
  const places = new Map<string, Place>();
  const readers = new Set<Reader>();
  let opening = 0;
  let looking = false;

  const looks = setInterval(() => void look(), options.lookMs ?? 2_000);
  const beats = setInterval(() => readers.forEach((reader) => reader.beat()), options.commentMs ?? 15_000);
  looks.unref();
  beats.unref();

  /** One query for all sessions that are read. */
  async function look(): Promise<void> {
    const hubs = [...places.values()].map(({ hub }) => hub);
    if (looking || hubs.length === 0) return;
    looking = true;
    try {
      const before = hubs.map((hub) => hub.head);
      const heads = await store.readHeads(hubs.map((hub) => hub.key));
      hubs.forEach((hub, index) => hub.looked(heads[index] ?? null, before[index] ?? 0));
    } catch {
      // The store is away; the next look comes soon.
    } finally {
      looking = false;
    }
  }

  function place(key: SessionKey): { at: Place; isNew: boolean } {
    const name = workflowIdOf(key);
    const known = places.get(name);
    if (known !== undefined && !known.hub.closed) return { at: known, isNew: false };
    const hub = new Hub(key, store, live);
    const at = { hub, started: hub.start(), readers: 0 };
    places.set(name, at);
    return { at, isNew: true };
  }

  function leave(key: SessionKey, at: Place): void {
    at.readers -= 1;
    if (at.readers > 0) return;
    at.hub.close();
    const name = workflowIdOf(key);
    if (places.get(name) === at) places.delete(name);
  }

  async function openAt(key: SessionKey, { after, mayBeAbsent = false, ...rest }: OpenOptions): Promise<Reader> {
    const { at, isNew } = place(key);
    at.readers += 1;
    try {
      const atStart = await at.started;
      const [head = null] = isNew ? [atStart] : await store.readHeads([key]);
      if (head === null && !mayBeAbsent) throw noSession(key);
      if (after !== 'now' && after > (head ?? 0)) throw beyond(after, head ?? 0);
      const from = after === 'now' ? (head ?? 0) : after;
      const reader = new Reader(at.hub, store, { ...rest, after: from }, () => {
        readers.delete(reader);
        leave(key, at);
      });
      readers.add(reader);
      return reader;
    } catch (error) {
      leave(key, at);
      throw error;
    }
  }

  return {
    async open(key, openOptions) {
      const limit = LIMITS.subscribersPerGateway.value;
      if (readers.size + opening >= limit) {
        const message = `This gateway has ${limit} event streams open, its limit. Try again, or another gateway.`;
        throw new PerdureError('rate_limited', message, { retryAfterMs: 5_000 });
      }
      opening += 1;
      try {
        return await openAt(key, openOptions);
      } finally {
        opening -= 1;
      }
    },
    get readers() {
      return readers.size;
    },
    get sessions() {
      return places.size;
    },
    close() {
      clearInterval(looks);
      clearInterval(beats);
      for (const reader of readers) reader.end();
    },
  };
}

function noSession(key: SessionKey): PerdureError {
  return new PerdureError(
    'not_found',
    `There is no session ${JSON.stringify(key.session)} of yours. Create it, or send it a message.`,
  );
}

function beyond(after: number, head: number): PerdureError {
  return new PerdureError(
    'invalid_request',
    `The event ${after} lies beyond the session's newest, which is ${head}: the session was begun afresh since. Read it from the start, with after=0.`,
  );
}
