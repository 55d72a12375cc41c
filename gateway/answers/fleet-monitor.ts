import { LRUCache } from 'lru-cache';
import type { Fleet, FleetTotals } from '../../contracts/admin/fleet.ts';
import type { RunOrder } from '../../contracts/session/run.ts';
import { countActive } from '../../store/admin/reports/count-open.ts';
import { readFleet } from '../../store/admin/reports/read-fleet.ts';
import { listRunsOfAll } from '../../store/admin/reports/list-runs-of-all.ts';
import type { GatewayDeps } from './gateway-deps.ts';

/** Totals are read from the store at most once in this time, for any number of viewers. */
const TOTALS_MS = 1_000;
/** The same for the number of active sessions, for which all sessions are read. */
const ACTIVE_MS = 10_000;
/** Whoever watches reads every two seconds. The audit trail has one entry for each viewer in this time. */
const AUDITED_MS = 10 * 60_000;
/** Viewers who are remembered. */
const VIEWERS = 1_000;

/** The fleet as operators watch it. */
export class FleetMonitor {
  readonly #deps: Pick<GatewayDeps, 'db' | 'pauses'>;
  readonly #viewers = new LRUCache<string, true>({ max: VIEWERS, ttl: AUDITED_MS });
  readonly #totals: () => Promise<FleetTotals>;

  constructor(deps: Pick<GatewayDeps, 'db' | 'pauses'>) {
    const { db, pauses } = deps;
    this.#deps = deps;
    const active = atMostEvery(ACTIVE_MS, () => countActive(db));
    this.#totals = atMostEvery(TOTALS_MS, async () => {
      const [{ servedSessions: served, ...totals }, count] = await Promise.all([readFleet(db), active()]);
      return { ...totals, sessions: { active: count, served }, pauses: pauses.current.map(({ id }) => id) };
    });
  }

  /** Whether this is the first reading of a viewer for some time, which the audit trail is to have. */
  isFirstOf(viewer: string): boolean {
    if (this.#viewers.has(viewer)) return false;
    this.#viewers.set(viewer, true);
    return true;
  }

  async read(order: RunOrder, limit: number): Promise<Fleet> {
    const { db } = this.#deps;
    const [totals, { data }] = await Promise.all([this.#totals(), listRunsOfAll(db, { status: 'open', order, limit })]);
    return { ...totals, top: data };
  }
}

/** A reading that is shared by all who ask within this time. One that fails is repeated for the next. */
function atMostEvery<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let latest: Promise<T> | null = null;
  let readAt = -Infinity;
  return async () => {
    if (latest === null || performance.now() - readAt >= ms) {
      readAt = performance.now();
      const reading = read();
      reading.catch(() => {
        if (latest === reading) latest = null;
      });
      latest = reading;
    }
    return await latest;
  };
}
