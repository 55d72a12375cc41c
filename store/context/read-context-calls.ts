import type { ProvidedContext } from '../../contracts/capabilities/context-provider.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import type { ContextCallRow } from '../log/rows.ts';

/** Reads the calls of context providers of a run, those of the phase `after` first, in the order of the providers. */
export async function readContextCalls(db: Tx, key: SessionKey, runId: string): Promise<ContextCallRow[]> {
  const rows = await db.query<{ call: ContextCallRow }>(
    `SELECT to_json(c) AS call FROM perdure.context_calls c
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 ORDER BY phase, position`,
    [key.user, key.session, runId],
  );
  return rows.map(({ call }) => call);
}

/** What the providers add to every model call of the run, in the order of the providers. */
export function contributionsIn(calls: readonly ContextCallRow[]): ProvidedContext[] {
  return calls.flatMap(({ phase, status, provider, contribution }) =>
    phase === 'before' && (status === 'completed' || status === 'skipped') && contribution
      ? [{ provider, ...contribution }]
      : [],
  );
}
