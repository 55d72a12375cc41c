import type { ProviderResult } from '../../agents/context/context-provider.ts';
import type { RememberedText } from '../../memory/create-memories.ts';
import type { Tx } from '../../store/db/db.ts';
import { readRunMessages } from '../../store/read/read-run-messages.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { ContextRun } from './context-run.ts';

/** Remembers what a context provider has returned, in the transaction of its outcome, with the run and its last message as the source. */
export async function rememberOf(
  { memories }: ActivityDeps,
  { key, runId }: ContextRun,
  tx: Tx,
  texts: NonNullable<ProviderResult['remember']>,
): Promise<RememberedText[]> {
  const message = (await readRunMessages(tx, key, runId)).at(-1);
  const source = {
    // A run without a session has its rows under its own id.
    ...(key.session === runId ? {} : { session: key.session }),
    run: runId,
    ...(message === undefined ? {} : { message }),
  };
  const inputs = texts.map(({ content, replaces }) => ({ content, source, ...(replaces ? { replaces } : {}) }));
  return await memories.rememberIn(tx, key.user, inputs);
}

/** Counts what was remembered, and adds the vectors. What fails here, a worker does later. */
export async function noteRemembered(
  { memories, telemetry }: ActivityDeps,
  { key }: ContextRun,
  provider: string,
  remembered: readonly RememberedText[],
): Promise<void> {
  for (const { created, memory } of remembered) {
    const outcome = created ? (memory.replaces === null ? 'added' : 'corrected') : 'known';
    telemetry.metrics.memoriesExtracted.add({ provider, outcome });
  }
  const added = remembered.filter(({ created }) => created).map(({ memory }) => memory);
  await memories.addVectorsOf(key.user, added).catch(() => {});
}
