import { NEW_PROVIDER, type ProviderState } from '../../../core/providers/provider-state.ts';
import type { Tx } from '../../db/db.ts';

/** Locks the row of a provider until the transaction ends, creating it if absent, and returns its state. */
export async function lockProvider(tx: Tx, provider: string): Promise<ProviderState> {
  for (;;) {
    const [found] = await tx.query<{ state: ProviderState }>(
      `SELECT state FROM perdure.providers WHERE provider = $1 FOR UPDATE`,
      [provider],
    );
    if (found) return found.state;
    await tx.query(`INSERT INTO perdure.providers (provider, state) VALUES ($1, $2) ON CONFLICT DO NOTHING`, [
      provider,
      JSON.stringify(NEW_PROVIDER),
    ]);
  }
}

/** SQL that converts a `timestamptz` to epoch ms, or an interval to ms. */
export const EPOCH_MS = (expression: string): string => `(extract(epoch FROM ${expression}) * 1000)::float8`;
