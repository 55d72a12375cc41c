import type { ProviderLimits } from '../../../core/providers/provider-limits.ts';
import {
  isHealthy,
  stateAfterCall,
  type HeldSlot,
  type ProviderOutcome,
} from '../../../core/providers/provider-state.ts';
import type { Db } from '../../db/db.ts';
import { EPOCH_MS, lockProvider } from './lock-provider.ts';

export interface SlotRelease {
  readonly provider: string;
  readonly limits: ProviderLimits;
  /** Null for a call that started without a slot. */
  readonly slotId: string | null;
  readonly outcome: ProviderOutcome;
}

/**
 * Releases the slot of a call and updates the provider's shared state by its outcome. Returns whether the provider was
 * healthy before, and is now. An expired slot changes no count. Slots are rows of `provider_places`.
 */
export async function releaseSlot(
  db: Db,
  { provider, limits, slotId, outcome }: SlotRelease,
): Promise<{ readonly wasHealthy: boolean; readonly healthy: boolean }> {
  return await db.transaction(async (tx) => {
    const state = await lockProvider(tx, provider);
    const [row] = await tx.query<{ nowMs: number; slot: HeldSlot | null }>(
      `WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at),
       released AS (DELETE FROM perdure.provider_places WHERE place_id = $1 RETURNING trial, reserved_tokens, taken_at)
       SELECT ${EPOCH_MS('now.at')} AS "nowMs",
              (SELECT json_build_object('trial', trial, 'reservedTokens', reserved_tokens,
                                        'durationMs', ${EPOCH_MS('now.at - taken_at')}) FROM released) AS slot
         FROM now`,
      [slotId],
    );
    if (!row) throw new Error('The query of a slot returned no row.');
    const after = stateAfterCall(state, limits, outcome, row.slot, row.nowMs);
    await tx.query(`UPDATE perdure.providers SET state = $2 WHERE provider = $1`, [provider, JSON.stringify(after)]);
    return { wasHealthy: isHealthy(state), healthy: isHealthy(after) };
  });
}
