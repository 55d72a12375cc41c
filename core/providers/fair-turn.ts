/** Somebody's place among those of the same user who wait, from 1, and since when (epoch ms). */
export interface Ticket {
  readonly user: string;
  readonly place: number;
  readonly sinceMs: number;
}

/**
 * Who waits for a provider. Users take turns by start-time fair queueing (Goyal, Vin and Cheng, 1996): each grant moves
 * its user's finish one further, from the virtual time at least, and whoever would start the earliest goes first. So a
 * user with many waiting calls gets one turn for each turn of another, and nobody pays for what they used while nobody
 * else wanted it.
 */
export interface Line {
  /** The start of the newest grant, or of the earliest who waits. */
  readonly virtualTime: number;
  readonly users: readonly {
    readonly user: string;
    /** How many of this user's calls wait. */
    readonly waiting: number;
    /** Null: none that counts. */
    readonly finish: number | null;
  }[];
  /** Tickets, but not the asker's, that come for their turn about now. */
  readonly due: readonly Ticket[];
}

/** When a ticket starts, in virtual time: the lower, the sooner. */
export function startOf(line: Line, ticket: Pick<Ticket, 'user' | 'place'>): number {
  const finish = line.users.find(({ user }) => user === ticket.user)?.finish ?? line.virtualTime;
  return Math.max(line.virtualTime, finish) + ticket.place - 1;
}

/** How many places are kept for others who come about now and go first. Others who go first, but come later, do not hold a place empty. */
export function placesKept(line: Line, mine: Ticket): number {
  const start = startOf(line, mine);
  return line.due.filter((other) => {
    const theirs = startOf(line, other);
    return theirs < start || (theirs === start && other.sinceMs < mine.sinceMs);
  }).length;
}

/** How many of all who wait go first: what the time to wait is reckoned from. */
export function positionOf(line: Line, mine: Ticket): number {
  const start = startOf(line, mine);
  const ofOthers = line.users
    .filter(({ user }) => user !== mine.user)
    .map(({ user, waiting }) => Math.min(waiting, Math.max(0, Math.ceil(start - startOf(line, { user, place: 1 })))));
  return ofOthers.reduce((sum, count) => sum + count, mine.place - 1);
}

/** The virtual time after a grant. It does not pass those who wait for an earlier start: a turn they missed, because they were not there, stays theirs. */
export function timeAfter(line: Line, start: number): number {
  const starts = line.users.filter(({ waiting }) => waiting > 0).map(({ user }) => startOf(line, { user, place: 1 }));
  return Math.max(line.virtualTime, Math.min(start, ...starts));
}
