import type { CleanRequest } from '../../contracts/maintenance.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { StatsBy } from '../../contracts/stats.ts';
import type { UsageBy } from '../../contracts/usage.ts';

/** Of whom; without either, the caller. Both are for operators. */
interface Whose {
  readonly user?: string | undefined;
  readonly all?: boolean | undefined;
}

/** Days, UTC, `YYYY-MM-DD`, both included. */
interface Days {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** A part of a list. Default and most of `limit`: the gateway's. */
interface Part {
  readonly limit?: number | undefined;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** Which sessions are listed. */
export interface SessionFilter extends Whose, Part {
  readonly status?: SessionStatus | undefined;
  readonly agent?: string | undefined;
  /** Sessions whose metadata has these values. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** ISO 8601. */
  readonly activeSince?: string | undefined;
  /** Sessions that failed at least this part of their runs, 0 to 1. */
  readonly minErrorRate?: number | undefined;
}

/** Of which runs, and how they are grouped. Default: of all days. Only by session there are pages. */
export interface StatsQuery extends Whose, Days, Part {
  /** Default `day`. */
  readonly by?: StatsBy | undefined;
}

/** Which usage is reported. Default: this month so far. */
export interface UsageQuery extends Whose, Days {
  /** Default `day`. `user` is for operators. */
  readonly by?: UsageBy | undefined;
}

/** What is to be cleaned, and of whom. */
export interface CleanOrder extends CleanRequest, Whose {}

/** Which clean-ups are listed. With `all` those of the schedule are among them. */
export interface SweepQuery extends Whose, Part {}
