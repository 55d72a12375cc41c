import { setTimeout as delay } from 'node:timers/promises';
import { eraseAttachments } from '../../store/admin/erasure/erase-attachments.ts';
import { eraseMemories } from '../../store/admin/erasure/erase-memories.ts';
import { countUserRows, eraseRows } from '../../store/admin/erasure/erase-rows.ts';
import { eraseSessions, listUserSessions, type UserSession } from '../../store/admin/erasure/erase-sessions.ts';
import type { ErasedCounts } from '../../store/admin/erasure/erasures.ts';
import { countConversations, forgetUserWorkflow, listUserWorkflows } from '../../store/admin/erasure/user-workflows.ts';
import { PAUSES_KEY } from '../../live/live-channel.ts';
import { deleteKeptConversations } from '../sweep/delete-kept.ts';
import type { Eraser, ErasureTask } from './eraser.ts';
import { forgetCopies } from './forget-copies.ts';

/** Sessions that are stopped, and whose executions are deleted, at once. */
const PAGE_SIZE = 500;
/** How long an erasure requests deletions of what providers keep. Upkeep goes on with what is left. */
const PROVIDERS_MS = 20_000;
/** How long activities have to end that were stopped. */
const SETTLE_MS = 500;

/** What has something of a user, in the order of the erasure. Whoever adds a place that keeps something adds it here. */
export const ERASERS: readonly Eraser[] = [
  { step: 'stop', erase: stop },
  {
    step: 'temporal',
    erase: eraseExecutions,
    remaining: async ({ executions, signal }) => counted('temporal.executions', await executions.remaining(signal)),
  },
  { step: 'sessions', erase: (task) => eraseSessions(task.deps.db, task, task.signal) },
  { step: 'attachments', erase: (task) => eraseAttachments(task.deps.db, task, task.signal) },
  { step: 'memories', erase: (task) => eraseMemories(task.deps.db, task, task.signal) },
  {
    step: 'rows',
    erase: eraseOtherRows,
    remaining: ({ deps, user }) => countUserRows(deps.db, user),
  },
  { step: 'providers', erase: eraseConversations },
];

function counted(place: string, count: number): ErasedCounts {
  return count > 0 ? { [place]: count } : {};
}

/** Stops what is in progress: activities abort their model calls and tools at once. */
async function stop(task: ErasureTask): Promise<void> {
  const { live } = task.deps;
  let stopped = 0;
  for await (const sessions of pages(task)) {
    for (const { key, openRuns } of sessions) {
      for (const runId of openRuns) {
        live.publish(key, { kind: 'control', runId, command: 'cancel', reason: 'cancelled', leaves: true });
      }
      live.publish(key, { kind: 'serving', serving: 'leave' });
      stopped += openRuns.length;
    }
  }
  if (stopped > 0) await delay(SETTLE_MS);
}

async function eraseExecutions(task: ErasureTask): Promise<void> {
  const { deps, executions, signal, forgotten } = task;
  await executions.erase([], signal);
  for await (const sessions of pages(task)) {
    await executions.erase(sessions, signal);
    // No activity writes a text of theirs any more.
    const keys = sessions.map(({ key }) => key);
    forgotten.push(...keys);
    await forgetCopies(deps.live, keys);
  }
}

async function eraseOtherRows(task: ErasureTask): Promise<void> {
  const { db, workflows, live } = task.deps;
  for (const id of await listUserWorkflows(db, task.user)) {
    await workflows.cancel(id);
    await forgetUserWorkflow(db, task, id);
  }
  await eraseRows(db, task, task.signal);
  // A pause of the user is gone.
  live.publish(PAUSES_KEY, { kind: 'pauses' });
}

/** Has providers delete what they keep. What they do not delete now is in the report, and does not keep the user waiting. */
async function eraseConversations({ deps, id, signal }: ErasureTask): Promise<void> {
  if ((await countConversations(deps.db, id)) === 0) return;
  await deleteKeptConversations(deps, AbortSignal.any([signal, AbortSignal.timeout(PROVIDERS_MS)]));
}

async function* pages({ deps, user, signal }: ErasureTask): AsyncGenerator<UserSession[]> {
  let after: string | null = null;
  for (;;) {
    signal.throwIfAborted();
    const page: UserSession[] = await listUserSessions(deps.db, user, { after, limit: PAGE_SIZE });
    if (page.length > 0) yield page;
    after = page.at(-1)?.key.session ?? null;
    if (page.length < PAGE_SIZE) return;
  }
}
