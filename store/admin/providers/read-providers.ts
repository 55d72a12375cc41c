import type { ProviderState } from '../../../core/providers/provider-state.ts';
import type { Db } from '../../db/db.ts';
import { EPOCH_MS } from './lock-provider.ts';

/** What all workers know of a provider, over all users. */
export interface KnownProvider {
  readonly provider: string;
  readonly state: ProviderState;
  /** Calls that hold a place. */
  readonly inFlight: number;
  /** Runs that wait. */
  readonly waiting: number;
  readonly nowMs: number;
}

/** Every provider that was asked for, limited or in trouble so far, by name. */
export async function readProviders(db: Db): Promise<KnownProvider[]> {
  return await db.query<KnownProvider>(
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
