import type { Db } from '../db/db.ts';
import type { CallEstimate } from './model-call.ts';

/**
 * Adds the output of a call whose record was removed while it was in progress to the user's day. Its removal has charged
 * the estimate of its input; without this, deleting a session during a call would bypass a budget. Has no effect where no
 * estimate was charged, because no budget was in force.
 */
export async function chargeRemovedCall(
  db: Db,
  user: string,
  { day, agent, model }: { readonly day: string; readonly agent: string; readonly model: string },
  { outputTokens, nanos }: Pick<CallEstimate, 'outputTokens' | 'nanos'>,
): Promise<void> {
  await db.query(
    `UPDATE perdure.usage_days
        SET estimated_output_tokens = estimated_output_tokens + $5, estimated_nanos = estimated_nanos + $6
      WHERE user_id = $1 AND day = $2 AND agent = $3 AND model = $4 AND estimated_calls > 0`,
    [user, day, agent, model, outputTokens, nanos ?? 0],
  );
}
