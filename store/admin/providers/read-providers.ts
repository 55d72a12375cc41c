import type { ProviderState } from '../../../core/providers/provider-state.ts';
import type { Db } from '../../db/db.ts';
import { EPOCH_MS } from './lock-provider.ts';

/** A provider's shared state and load, over all workers and users. */
export interface ProviderSnapshot {
  readonly provider: string;
  readonly state: ProviderState;
  /** Calls that hold a slot. */
  readonly inFlight: number;
  /** Runs that wait. */
  readonly waiting: number;
  readonly nowMs: number;
}

/** The providers that have a row, by name. A provider gets one with its first slot request or failure. */
export async function readProviders(db: Db): Promise<ProviderSnapshot[]> {
  return await db.query<ProviderSnapshot>(
    `SELECT p.provider, p.state,
            (SELECT count(*)::int FROM perdure.provider_places l
              WHERE l.provider = p.provider AND l.expires_at > clock_timestamp()) AS "inFlight",
            (SELECT count(*)::int FROM perdure.provider_tickets t
              WHERE t.provider = p.provider AND t.due_at > clock_timestamp() - interval '60 seconds') AS waiting,
            ${EPOCH_MS('clock_timestamp()')} AS "nowMs"
       FROM perdure.providers p ORDER BY p.provider`,
    [],
  );
}
