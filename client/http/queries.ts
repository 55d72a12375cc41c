import type { AuditAction } from '../../contracts/admin/audit.ts';
import type { CleanRequest } from '../../contracts/maintenance.ts';
import type { InboxKind, InboxStatus } from '../../contracts/session/inbox-item.ts';
import type { RunFilter, SessionFilter } from '../../contracts/session/list-filters.ts';
import type { RunOrder } from '../../contracts/session/run.ts';
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
export interface PageQuery {
  readonly limit?: number | undefined;
  /** `nextCursor` of the previous page. */
  readonly cursor?: string | undefined;
}

/** Which sessions to list. */
export interface SessionQuery extends UserScope, PageQuery, SessionFilter {
  readonly status?: SessionStatus | undefined;
  /** Sessions whose id begins with this. */
  readonly idPrefix?: string | undefined;
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

/** Which memories to list; with a query, to search for. A search has one page. */
export interface MemoryQuery extends PageQuery {
  readonly query?: string | undefined;
}

/** Which approvals or client calls of one session to list. */
export interface ItemQuery extends PageQuery {
  /** Default `pending`. */
  readonly status?: InboxStatus | 'all' | undefined;
}

/** Which approvals and client calls to list. */
export interface InboxQuery extends UserScope, ItemQuery {
  /** Default: both. */
  readonly kind?: InboxKind | undefined;
  readonly session?: string | undefined;
  /** The id of one item, or its beginning or end, at least 6 characters. */
  readonly item?: string | undefined;
}

/** Which runs of all sessions to list. Default 20 in a page, at most 200. */
export interface RunQuery extends UserScope, DayRange, PageQuery, RunFilter {
  /** Default `newest`. */
  readonly order?: RunOrder | undefined;
  /** The beginning or the end of a run's id, at least 4 characters. */
  readonly id?: string | undefined;
}

/** Which API keys to list. */
export interface ApiKeyQuery extends PageQuery {
  /** Default: all users. */
  readonly user?: string | undefined;
  /** Whether to include keys that are revoked or have expired. Default false. */
  readonly ended?: boolean | undefined;
}

/** Which entries of the audit trail to read. */
export interface AuditQuery extends DayRange, PageQuery {
  /** Whose data they concern. Default: for operators everybody's, otherwise the caller's. */
  readonly user?: string | undefined;
  /** The operator. */
  readonly actor?: string | undefined;
  readonly action?: AuditAction | undefined;
  readonly session?: string | undefined;
}

/** Names a model call of a run. */
export interface CallName {
  /** Default `last`. */
  readonly step?: number | 'last' | undefined;
  /** Default: the one that was answered, else the last one. */
  readonly attempt?: number | undefined;
}
