import { gatewayLimits, type GatewayLimits } from '../../contracts/limits/gateway-limits.ts';
import { workflowIdOf, type SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import type { FeedStore } from './feed-store.ts';
import { Hub } from './hub.ts';
import { noSuchSession } from '../../store/log/lock-session.ts';
import { beyondHead } from './beyond-head.ts';
import { Reader, type ReaderOptions } from './reader.ts';
import { UserShares, type ReaderKind } from './user-shares.ts';

export interface FeedOptions {
  readonly store: FeedStore;
  readonly live: LiveChannel;
  /** Interval at which the store is polled for events whose notification was lost, in ms. Default 2,000. */
  readonly pollMs?: number | undefined;
  /** Interval of comments on idle streams, in ms. Default 15,000. */
  readonly commentMs?: number | undefined;
  /** The share of each user. Default: `gatewayLimits()`. */
  readonly limits?: GatewayLimits | undefined;
}

/** Where a reader starts. */
export interface StartOptions {
  /** `seq` of the last event that the reader has; `now` for future events only. */
  readonly after: number | 'now';
  /** Whether to wait for a session that does not exist. Default false: `not_found`. */
  readonly mayBeAbsent?: boolean;
}

export interface OpenOptions extends StartOptions, Omit<ReaderOptions, 'after'> {
  /** Default `stream`. */
  readonly kind?: ReaderKind;
  /** Called when the reader is closed because its consumer has not asked for more for `stalledStreamMs`. */
  readonly onStalled?: () => void;
}

/** Longest interval between checks for readers that are not read, in ms. */
const MAX_STALL_CHECK_MS = 10_000;

/** All event streams of a gateway, with one hub for each session that has readers. */
export interface Feed {
  /** The caller must close the reader. Rejects with `not_found`, with `invalid_request` for an `after` beyond the newest event, and with `rate_limited`. */
  open(key: SessionKey, options: OpenOptions): Promise<Reader>;
  /** Rejects as `open` of a stream would now, and holds nothing. */
  check(key: SessionKey, options: StartOptions): Promise<void>;
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
  const limits = options.limits ?? gatewayLimits();
  const shares = new UserShares(limits);
  const readers = new Map<Reader, OpenOptions>();
  let polling = false;
  let closed = false;

  const polls = setInterval(() => void poll(), options.pollMs ?? 2_000);
  const comments = setInterval(() => readers.forEach((_, reader) => reader.keepAlive()), options.commentMs ?? 15_000);
  const stalls = setInterval(closeStalled, Math.min(limits.stalledStreamMs, MAX_STALL_CHECK_MS));
  // What was lost is found at once, instead of by the next poll.
  const ignoreGaps = live.onGap?.(() => {
    for (const { hub } of entries.values()) hub.recoverText();
    void poll();
  });
  polls.unref();
  comments.unref();
  stalls.unref();

  /** Frees what a reader holds whose caller reads nothing, or never began to. */
  function closeStalled(): void {
    for (const [reader, { kind = 'stream', onStalled }] of readers) {
      if (kind === 'wait' || reader.unreadMs < limits.stalledStreamMs) continue;
      reader.close();
      onStalled?.();
    }
  }

  /** One query for all sessions with readers. */
  async function poll(): Promise<void> {
    const hubs = [...entries.values()].map(({ hub }) => hub);
    if (polling || hubs.length === 0) return;
    polling = true;
    try {
      const before = hubs.map((hub) => hub.head);
      const heads = await store.readHeads(hubs.map((hub) => hub.key));
      hubs.forEach((hub, index) => hub.applyPolledHead(heads[index] ?? null, before[index] ?? 0));
      await readHoldups(hubs);
    } catch {
      // The store is unavailable; the next poll follows soon.
    } finally {
      polling = false;
    }
  }

  /** Reads why the open runs make no progress. */
  async function readHoldups(hubs: readonly Hub[]): Promise<void> {
    const headsBefore = hubs.map((hub) => hub.head);
    const holdups = await store.readHoldups(hubs.map((hub) => hub.key));
    const hasWorkers = holdups.every((holdup) => holdup === null) || (await store.hasWorkers());
    const pauses = store.pauses?.current ?? [];
    hubs.forEach((hub, index) =>
      hub.applyHoldup(holdups[index] ?? null, { head: headsBefore[index] ?? 0, hasWorkers, pauses }),
    );
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

  async function openReader(key: SessionKey, openOptions: OpenOptions): Promise<Reader> {
    const share = shares.enter(key.user, openOptions.kind ?? 'stream');
    try {
      return await joinHub(key, openOptions, share);
    } catch (error) {
      share.leave();
      throw error;
    }
  }

  async function joinHub(
    key: SessionKey,
    openOptions: OpenOptions,
    { buffer, leave }: ReturnType<UserShares['enter']>,
  ): Promise<Reader> {
    const { entry, isNew } = entryOf(key);
    entry.readers += 1;
    try {
      const atStart = await entry.started;
      const [head = null] = isNew ? [atStart] : await store.readHeads([key]);
      const after = startOf(key, head, openOptions);
      // A sender's own message has just been sent: nothing holds it up yet.
      if (isNew && openOptions.after !== 'now' && head !== null) await readHoldups([entry.hub]).catch(() => undefined);
      const onClose = (): void => {
        readers.delete(reader);
        leave();
        release(key, entry);
      };
      const reader = new Reader({ hub: entry.hub, store, buffer, onClose }, { ...openOptions, after });
      readers.set(reader, openOptions);
      if (closed) reader.end();
      return reader;
    } catch (error) {
      release(key, entry);
      throw error;
    }
  }

  return {
    open: openReader,
    async check(key, start) {
      shares.check(key.user, 'stream');
      const [head = null] = await store.readHeads([key]);
      startOf(key, head, start);
    },
    get readers() {
      return readers.size;
    },
    get sessions() {
      return entries.size;
    },
    close() {
      closed = true;
      ignoreGaps?.();
      clearInterval(polls);
      clearInterval(comments);
      clearInterval(stalls);
      for (const reader of readers.keys()) reader.end();
    },
  };
}

/** The `seq` to start after. Throws `not_found`, and `invalid_request` for an event beyond the newest. */
function startOf(key: SessionKey, head: number | null, { after, mayBeAbsent = false }: StartOptions): number {
  if (head === null && !mayBeAbsent) throw noSuchSession(key);
  if (after === 'now') return head ?? 0;
  if (after > (head ?? 0)) throw beyondHead(after, head ?? 0);
  return after;
}
