import type { ProviderLimits } from '../../../core/providers/provider-limits.ts';
import { afterCall, isSound, type CallEnd, type HeldPlace } from '../../../core/providers/provider-state.ts';
import type { Db } from '../../db/db.ts';
import { EPOCH_MS, lockProvider } from './lock-provider.ts';

export interface EndedCall {
  readonly provider: string;
  readonly limits: ProviderLimits;
  /** The place it held; null when it went without asking. */
  readonly placeId: string | null;
  readonly end: CallEnd;
}

/** Gives a call's place back, and tells all workers how it ended. Whether its provider was well before, and is now. */
export async function settleCall(
  db: Db,
  { provider, limits, placeId, end }: EndedCall,
): Promise<{ readonly before: boolean; readonly sound: boolean }> {
  return await db.transaction(async (tx) => {
    const state = await lockProvider(tx, provider);
    const [now] = await tx.query<{ nowMs: number; place: HeldPlace | null }>(
      `WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at),
       given AS (DELETE FROM perdure.provider_places WHERE place_id = $1 RETURNING trial, reserved_tokens, taken_at)
       SELECT ${EPOCH_MS('now.at')} AS "nowMs",
              (SELECT json_build_object('trial', trial, 'reservedTokens', reserved_tokens,
                                        'durationMs', ${EPOCH_MS('now.at - taken_at')}) FROM given) AS place
         FROM now`,
      [placeId],
    );
    if (!now) throw new Error('The store answered nothing.');
    const after = afterCall(state, limits, end, now.place, now.nowMs);
    await tx.query(`UPDATE perdure.providers SET state = $2 WHERE provider = $1`, [provider, JSON.stringify(after)]);
    return { before: isSound(state), sound: isSound(after) };
  });
}
