import type { WaitKind } from '../../contracts/provider.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';

/** A run's wait for its provider that has not ended. */
export interface OpenWait {
  readonly kind: WaitKind;
  readonly provider: string;
}

/** Records that a run waits for its provider. Extends `open`, the run's current wait, if kind and provider are the same; otherwise ends it and starts another. */
export async function recordWait(
  tx: Tx,
  key: SessionKey,
  wait: OpenWait & { readonly runId: string; readonly untilMs: number | null; readonly open: OpenWait | null },
): Promise<void> {
  const { runId, kind, provider, untilMs, open } = wait;
  if (open?.kind === kind && open.provider === provider) {
    await tx.query(
      `UPDATE perdure.waits SET until_at = to_timestamp($4::float8 / 1000)
        WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND ended_at IS NULL`,
      [key.user, key.session, runId, untilMs],
    );
    return;
  }
  if (open) await closeWait(tx, key, runId);
  await tx.query(
    `INSERT INTO perdure.waits (user_id, session_id, run_id, kind, provider, started_at, until_at)
     VALUES ($1, $2, $3, $4, $5, clock_timestamp(), to_timestamp($6::float8 / 1000))`,
    [key.user, key.session, runId, kind, provider, untilMs],
  );
}

/** Ends the current wait of a run. */
export async function closeWait(tx: Tx, key: SessionKey, runId: string): Promise<void> {
  await tx.query(
    `UPDATE perdure.waits SET ended_at = clock_timestamp()
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND ended_at IS NULL`,
    [key.user, key.session, runId],
  );
}

/** Removes runs that have ended from their providers' queues and ends their waits. */
export async function cancelWaits(tx: Tx, key: SessionKey, runIds: readonly string[]): Promise<void> {
  await tx.query(
    `WITH deleted AS (DELETE FROM perdure.provider_tickets
                    WHERE user_id = $1 AND session_id = $2
                      AND run_id IN (SELECT json_array_elements_text($3::json)))
     UPDATE perdure.waits SET ended_at = clock_timestamp()
      WHERE user_id = $1 AND session_id = $2 AND ended_at IS NULL
        AND run_id IN (SELECT json_array_elements_text($3::json))`,
    [key.user, key.session, JSON.stringify(runIds)],
  );
}
