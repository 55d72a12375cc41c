import { ModelError, type ModelDirectory } from '../../models/model-client.ts';
import {
  claimKeptDeletions,
  failKeptDeletion,
  forgetKept,
  type KeptDeletion,
} from '../../store/admin/conversations/kept-deletions.ts';
import type { Db } from '../../store/db/db.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { providerOf } from '../../core/providers/provider-of.ts';

interface DeletionDeps {
  readonly db: Db;
  readonly models: ModelDirectory;
  readonly telemetry: Pick<Telemetry, 'log' | 'metrics'>;
}

/** Claimed at once. A worker that is lost leaves them for their next attempt. */
const BATCH = 20;
/** Requests at once. */
const AT_ONCE = 4;
/** A key or an address that can be mended in the settings. */
const MENDABLE = new Set(['authentication', 'quota_exhausted']);

/** Deletes what providers keep of deleted sessions, as far as it is due. Returns how many are deleted. Stops when `signal` is aborted. */
export async function deleteKeptConversations(deps: DeletionDeps, signal: AbortSignal): Promise<number> {
  for (let deleted = 0; ;) {
    if (signal.aborted) return deleted;
    const due = await claimKeptDeletions(deps.db, BATCH);
    if (due.length === 0) return deleted;
    for (let at = 0; at < due.length; at += AT_ONCE) {
      const done = await Promise.all(due.slice(at, at + AT_ONCE).map((one) => deleteOne(deps, one, signal)));
      deleted += done.filter(Boolean).length;
    }
  }
}

/** Returns whether the provider has deleted it. What it does not have is done, too. */
async function deleteOne({ db, models, telemetry }: DeletionDeps, kept: KeptDeletion, signal: AbortSignal) {
  const provider = providerOf(kept.model);
  const count = (outcome: string): void => telemetry.metrics.keptDeletions.add({ provider, outcome });
  try {
    const { client, model } = models.resolve(kept.model);
    if (!client.deleteKept) throw unsupported(provider);
    const deleted = await client.deleteKept(kept, model, signal);
    await forgetKept(db, kept);
    count(deleted ? 'deleted' : 'absent');
    return deleted;
  } catch (error) {
    if (signal.aborted) return false;
    const failure = error instanceof ModelError ? error : null;
    const reason = failure?.reason ?? 'internal';
    // Without a status, the provider has refused nothing.
    const retryable = failure === null || failure.retryable || failure.httpStatus === null || MENDABLE.has(reason);
    const givenUp = await failKeptDeletion(db, kept, { error: reason, retryable });
    count(givenUp ? 'given_up' : 'failed');
    if (givenUp) {
      telemetry.log.warn('A provider keeps a conversation of a deleted session', {
        provider,
        code: reason,
        attempt: kept.attempt,
      });
    }
    return false;
  }
}

function unsupported(provider: string): ModelError {
  const message = `The provider ${provider} has no Responses API, by which conversations are deleted.`;
  return new ModelError('unsupported', message, { retryable: true, unsent: true });
}
