import type { CleanRequest } from '../../contracts/maintenance.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { StatsBy } from '../../contracts/stats.ts';
import type { UsageBy } from '../../contracts/usage.ts';

/** Whose data. Default: the caller's. Both fields are for operators. */
interface UserScope {
  readonly user?: string | undefined;
  readonly all?: boolean | undefined;
}

/** Days in UTC as `YYYY-MM-DD`, both inclusive. */
interface DayRange {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** One page of a list. The gateway sets the default and the maximum of `limit`. */
interface PageQuery {
  readonly limit?: number | undefined;
  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
}

/** Which sessions to list. */
export interface SessionQuery extends UserScope, PageQuery {
  readonly status?: SessionStatus | undefined;
  readonly agent?: string | undefined;
  /** Sessions whose metadata has these values. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** ISO 8601. */
  readonly activeSince?: string | undefined;
  /** Sessions in which at least this share of the runs failed, 0 to 1. */
  readonly minErrorRate?: number | undefined;
}

/** Which runs to report on, and how to group them. Default: all days. Only `by: 'session'` has pages. */
export interface StatsQuery extends UserScope, DayRange, PageQuery {
  /** Default `day`. */
  readonly by?: StatsBy | undefined;
}

/** Which usage to report. Default: the current month. */
export interface UsageQuery extends UserScope, DayRange {
  /** Default `day`. `user` is for operators. */
  readonly by?: UsageBy | undefined;
}

/** What to clean up, and whose. */
export interface CleanOrder extends CleanRequest, UserScope {}

/** Which clean-ups to list. `all` includes the scheduled ones. */
export interface SweepQuery extends UserScope, PageQuery {}
