/** A call that waits for a provider. */
export interface Waiter {
  readonly user: string;
  /** Its rank among the waiters of its user, from 1. */
  readonly rank: number;
  /** Since when it waits, epoch ms. */
  readonly sinceMs: number;
}

/**
 * The waiters of a provider. Users share it by start-time fair queueing (Goyal, Vin and Cheng, 1996): a grant advances its
 * user's finish tag by one, from the virtual time at least, and the waiter with the lowest start tag goes first. So a user
 * with many waiting calls gets no larger share than one with few, and use of idle capacity costs nothing later.
 */
export interface FairQueue {
  /** The start tag of the latest grant, but not past the earliest waiter's. */
  readonly virtualTime: number;
  readonly users: readonly {
    readonly user: string;
    /** How many calls of this user wait. */
    readonly waiting: number;
    /** The finish tag of the user's latest grant; null if it is in the past. */
    readonly finish: number | null;
  }[];
  /** The other waiters that are about to request a slot again. */
  readonly due: readonly Waiter[];
}

/** The start tag of a waiter, in virtual time. The lowest goes first. */
export function startTag(queue: FairQueue, waiter: Pick<Waiter, 'user' | 'rank'>): number {
  const finish = queue.users.find(({ user }) => user === waiter.user)?.finish ?? queue.virtualTime;
  return Math.max(queue.virtualTime, finish) + waiter.rank - 1;
}

/** The slots reserved for waiters that go first and are due. Waiters that go first but are not due reserve none. */
export function reservedSlots(queue: FairQueue, waiter: Waiter): number {
  const start = startTag(queue, waiter);
  return queue.due.filter((other) => {
    const otherStart = startTag(queue, other);
    return otherStart < start || (otherStart === start && other.sinceMs < waiter.sinceMs);
  }).length;
}

/** How many of all waiters go first. Estimates of the waiting time use it. */
export function waitersAhead(queue: FairQueue, waiter: Waiter): number {
  const start = startTag(queue, waiter);
  const ofOthers = queue.users
    .filter(({ user }) => user !== waiter.user)
    .map(({ user, waiting }) => Math.min(waiting, Math.max(0, Math.ceil(start - startTag(queue, { user, rank: 1 })))));
  return ofOthers.reduce((sum, count) => sum + count, waiter.rank - 1);
}

/** The virtual time after a grant. It does not pass a waiter's start tag, so a user that missed a free slot keeps its share. */
export function virtualTimeAfter(queue: FairQueue, start: number): number {
  const starts = queue.users.filter(({ waiting }) => waiting > 0).map(({ user }) => startTag(queue, { user, rank: 1 }));
  return Math.max(queue.virtualTime, Math.min(start, ...starts));
}
