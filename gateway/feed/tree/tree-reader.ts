import { LIMITS } from '../../../contracts/limits.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { followedChildren } from '../../../store/children/followed-children.ts';
import type { Db } from '../../../store/db/db.ts';
import { readHead } from '../../../store/read/read-head.ts';
import { readRunSpan } from '../../../store/read/read-run-span.ts';
import { runScope } from '../event-scope.ts';
import type { Feed, OpenOptions } from '../feed.ts';
import { frameWithId, type Frame } from '../frame.ts';
import type { Reader } from '../reader.ts';
import { Branch, resultOf } from './branch.ts';
import { formatTreeCursor } from './tree-cursor.ts';

export interface TreeDeps {
  readonly db: Db;
  readonly feed: Feed;
}

export interface TreeOptions extends OpenOptions {
  readonly after: number;
  /** Only the events of this run and of those below it. */
  readonly runId?: string | undefined;
  /** How far the caller is in the runs below; undefined for one that has not followed them. */
  readonly children?: ReadonlyMap<string, number> | undefined;
}

/** Opens a reader of a session and of the runs that its calls have made, and those below them. Rejects as `Feed.open`. */
export async function openTree(deps: TreeDeps, key: SessionKey, options: TreeOptions): Promise<TreeReader> {
  const { db } = deps;
  const { after, runId = null, children } = options;
  const known = children && [...children.keys()];
  const followed = after === 0 ? [] : await followedChildren(db, key, { runId, after, known });
  const branches: Branch[] = [];
  for (const { link, returnedSeq } of followed) {
    const { childId, parent } = link;
    const { session } = parent.key;
    const branch = new Branch(
      { user: key.user, session: childId },
      { session, runId: parent.runId, callId: parent.callId },
      children?.get(childId) ?? 0,
    );
    const parentSeq = session === key.session ? after : children?.get(session);
    // A parent that is not followed any more has returned all of its results.
    branch.isReturned = returnedSeq !== null && (parentSeq === undefined || returnedSeq <= parentSeq);
    branch.isOver = (await readRunSpan(db, branch.key, childId, branch.seq))?.isOver ?? false;
    branches.push(branch);
  }
  const { onStalled } = options;
  return new TreeReader(deps, await deps.feed.open(key, options), {
    key,
    after,
    branches,
    ...(onStalled ? { onStalled } : {}),
  });
}

interface Start {
  readonly key: SessionKey;
  readonly after: number;
  readonly branches: readonly Branch[];
  readonly onStalled?: () => void;
}

/**
 * Reads the events of a session and of the runs below it as one stream. The events of each session are in order; those of a run that
 * a call has made follow the call, and precede its result unless the call was cancelled. The `id` of each durable event is the position
 * in all sessions that are followed at that moment, so that a reader goes on without loss or repetition.
 */
export class TreeReader {
  readonly #deps: TreeDeps;
  readonly #root: Branch;
  readonly #rootReader: Reader;
  /** Runs below that are followed, or will be, in the order of their calls. */
  readonly #branches = new Map<string, Branch>();
  readonly #onStalled: (() => void) | undefined;
  #failure: { readonly error: unknown } | null = null;
  #framesRead = 0;
  #closed = false;
  #wake: () => void = () => {};

  constructor(deps: TreeDeps, reader: Reader, { key, after, branches, onStalled }: Start) {
    this.#deps = deps;
    this.#rootReader = reader;
    this.#onStalled = onStalled;
    this.#root = new Branch(key, null, after);
    this.#root.reader = reader;
    for (const branch of branches) this.#branches.set(branch.key.session, branch);
    this.#removeDone();
  }

  get sessionExists(): boolean {
    return this.#rootReader.sessionExists;
  }

  /** The next frame; null after the last one of the session that was asked for. One call at a time. Rejects when the store fails. */
  async nextFrame(): Promise<Frame | null> {
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      if (this.#closed || (this.#root.isOver && this.#root.frame === null)) return null;
      if (this.#failure) throw this.#failure.error;
      this.#openNext();
      for (const branch of this.#all()) this.#read(branch);
      const ready = this.#firstReady();
      const frame = ready && this.#take(ready);
      if (frame) return frame;
      if (!ready) await woken;
    }
  }

  close(): void {
    this.#closed = true;
    for (const branch of this.#all()) branch.close();
    this.#wake();
  }

  #all(): Branch[] {
    return [this.#root, ...this.#branches.values()];
  }

  /** The branch whose frame was read first, of those whose frames may be sent: none waits for a session that has much to send. */
  #firstReady(): Branch | undefined {
    const ready = this.#all().filter(({ frame }) => frame !== null && !this.#isHeld(frame));
    return ready.toSorted((a, b) => a.readyAt - b.readyAt)[0];
  }

  /** Opens readers as far as the limit allows. Those that are held until the runs below have ended do not count. */
  #openNext(): void {
    let open = 0;
    for (const branch of this.#branches.values()) {
      if (branch.isOver || (branch.frame && this.#isHeld(branch.frame))) continue;
      open += 1;
      if (open > LIMITS.streamedChildren.value) return;
      if (branch.reader === null && !branch.isOpening) void this.#open(branch);
    }
  }

  async #open(branch: Branch): Promise<void> {
    branch.isOpening = true;
    const { key, seq: after } = branch;
    const onStalled = this.#onStalled ? { onStalled: this.#onStalled } : {};
    try {
      const scope = runScope(key.session);
      branch.reader = await this.#deps.feed.open(key, { after, mayBeAbsent: true, kind: 'child', scope, ...onStalled });
      if (this.#closed || branch.isOver) branch.reader.close();
    } catch {
      // Its session was deleted, or the gateway has no room for another reader: its events are not sent.
      branch.isOver = true;
    }
    this.#removeDone();
    this.#wake();
  }

  /** Reads the next frame of a branch ahead, at most one. */
  #read(branch: Branch): void {
    const { reader } = branch;
    if (!reader || branch.isReading || branch.isOver || branch.frame) return;
    branch.isReading = true;
    void this.#readFrom(branch, reader);
  }

  async #readFrom(branch: Branch, reader: Reader): Promise<void> {
    try {
      branch.frame = await reader.nextFrame();
      branch.readyAt = this.#framesRead++;
      if (branch.frame === null) branch.close();
    } catch (error) {
      this.#failure = { error };
    }
    branch.isReading = false;
    this.#removeDone();
    this.#wake();
  }

  /** Whether a frame is the result of a call whose run has events that were not sent. */
  #isHeld({ event }: Frame): boolean {
    const result = resultOf(event);
    const branch = result && this.#calledBy(result);
    if (!branch || branch.isOver) return false;
    void this.#lookUp(branch);
    return result.ordered;
  }

  /** A run whose call has a result exists in the store, or never will. */
  async #lookUp(branch: Branch): Promise<void> {
    if (branch.isLookedUp || branch.reader?.sessionExists === true) return;
    branch.isLookedUp = true;
    try {
      if ((await readHead(this.#deps.db, branch.key)) === null) branch.close();
    } catch (error) {
      this.#failure = { error };
    }
    this.#removeDone();
    this.#wake();
  }

  /** What is sent of a frame; null for nothing. */
  #take(branch: Branch): Frame | null {
    const { frame } = branch;
    branch.frame = null;
    if (!frame) return null;
    const { event } = frame;
    // The comments of one reader keep the connection open.
    if (event === null) return branch === this.#root ? frame : null;
    if (!('seq' in event)) return frame;
    branch.seq = event.seq;
    if (event.type === 'tool.called' && event.childRunId !== undefined) {
      const { sessionId: session, runId, callId } = event;
      this.#follow(event.childRunId, { session, runId, callId });
    }
    const result = resultOf(event);
    const returned = result && this.#calledBy(result);
    if (returned) returned.isReturned = true;
    this.#removeDone();
    if (this.#branches.size === 0 && branch === this.#root) return frame;
    const children = new Map([...this.#branches].map(([id, { seq }]) => [id, seq]));
    return frameWithId(event, formatTreeCursor({ seq: this.#root.seq, children }));
  }

  #follow(childId: string, call: NonNullable<Branch['call']>): void {
    if (this.#branches.has(childId) || this.#branches.size >= LIMITS.followedChildren.value) return;
    this.#branches.set(childId, new Branch({ user: this.#root.key.user, session: childId }, call, 0));
  }

  #calledBy({ session, runId, callId }: NonNullable<Branch['call']>): Branch | undefined {
    return [...this.#branches.values()].find(
      ({ call }) => call?.session === session && call.runId === runId && call.callId === callId,
    );
  }

  #removeDone(): void {
    for (const [id, { isOver, isReturned, frame }] of this.#branches)
      if (isOver && isReturned && frame === null) this.#branches.delete(id);
  }
}
