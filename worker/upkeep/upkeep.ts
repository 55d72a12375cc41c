import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { ActivityDeps } from '../../activities/shared/deps.ts';
import { deleteKeptConversations } from '../../activities/sweep/delete-kept.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { deleteAbandonedRows } from '../../store/admin/sweeps/delete-abandoned-rows.ts';
import { removeDueArchiveFiles } from '../../store/admin/sweeps/remove-archive-files.ts';
import { deleteOldEmbeddingCalls } from '../../store/admin/memory/delete-old-embedding-calls.ts';
import { FOLDERS, removeDueContents, removeOrphans } from '../../store/admin/attachments/remove-contents.ts';
import { removeUnusedAttachments } from '../../store/attachments/remove-unused.ts';
import { acquireLease, readLeaseState, releaseLease, saveLeaseState } from '../../store/admin/leases/leases.ts';
import type { SessionPosition } from '../../store/admin/sweeps/sweeps.ts';
import { startBatches } from '../batches/start-batches.ts';
import { startErasures } from '../erasure/start-erasures.ts';
import type { FailedExecutions } from '../failed-executions.ts';
import { readRetention, recreateNamespace } from '../namespace.ts';
import { requestLostBackground } from './request-background.ts';
import { finishRescues, rescueFailed } from './rescue-stuck-workflow.ts';
import { restartLostWorkflows } from './restart-lost-workflows.ts';
import { saveAgentVersions } from '../save-agent-versions.ts';
import { restoreSchedule } from '../schedule-maintenance.ts';
import { registerSearchAttributes } from '../search-attributes.ts';
import { StuckWorkflows } from './stuck-workflows.ts';
import { temporalResponds } from '../temporal-responds.ts';
import { moveStranded } from '../versioning/move-stranded.ts';
import type { WorkerVersioning } from '../versioning/worker-versioning.ts';
import { wakeOverdueSessions } from './wake-overdue-sessions.ts';

/** How often workers check what Temporal may have lost, and when a session counts as lost. */
export interface UpkeepSettings {
  /** Interval between two rounds. Default 30,000 ms. The first round is immediate. */
  readonly everyMs?: number;
  /** Skips sessions that have appended an event within this time. Default 15,000 ms. */
  readonly quietForMs?: number;
  /** Wakes idle sessions that should have expired this long ago. Default 60,000 ms: the timer of a running workflow fires in time. */
  readonly overdueMs?: number;
  /** With worker versioning: when a build without a worker counts as gone. Default 30,000 ms. */
  readonly buildLostForMs?: number;
}

interface UpkeepDeps extends Pick<ActivityDeps, 'db' | 'agents' | 'deployment' | 'memories' | 'models' | 'telemetry'> {
  readonly client: Client;
  readonly connection: NativeConnection;
  /** Of the server. */
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  /** The worker's, which holds the lease. */
  readonly workerId: string;
  /** Temporal's worker versioning; undefined: off. */
  readonly versioning?: WorkerVersioning | undefined;
  /** Whether this task queue has a schedule of clean-ups. */
  readonly schedules: boolean;
  readonly failed: FailedExecutions;
  /** Repeats what was lost for runs that agents as tools have made; see `continueChildren`. */
  readonly continueChildren: (quietForMs: number, signal: AbortSignal) => Promise<void>;
}

/** What one holder of the lease leaves to the next: where the next pages begin, and how to create the namespace again. */
interface UpkeepState {
  readonly lostAfter?: SessionPosition | null;
  readonly idleAfter?: SessionPosition | null;
  readonly backgroundAfter?: SessionPosition | null;
  readonly retentionSeconds?: number;
  /** The folder of the places of attachments that is searched for orphans next. */
  readonly orphansFolder?: number;
}

/** How long one round adds vectors to memories that have none. */
const VECTORS_MS = 5_000;
/** How long one round requests deletions of what providers keep. */
const DELETIONS_MS = 5_000;
/** Maximum time between two renewals of the lease. */
const RENEW_MS = 5_000;
/** How many sessions a worker may terminate within an hour because their histories cannot be replayed, by default. */
const TERMINATIONS_PER_HOUR = 20;

/** The lease under which the sessions of a namespace and task queue are looked after. */
function upkeepLease(namespace: string, taskQueue: string): string {
  return `upkeep:${namespace}:${taskQueue}`;
}

/**
 * Repairs, while the worker runs, what a Temporal server may lose: the namespace, the search attributes, the schedule of
 * clean-ups, and the workflows and timers of sessions. Also adds the vectors that memories lack. One worker at a time that Temporal responds to does it for all, under a
 * lease in the store.
 * Every worker rescues the executions that failed in its own process, and keeps its agents in the store. Everything is
 * idempotent, so that a lease that runs out too early does no harm.
 */
export function startUpkeep(
  deps: UpkeepDeps,
  { everyMs = 30_000, quietForMs = 15_000, overdueMs = 60_000, buildLostForMs = 30_000 }: UpkeepSettings,
): { stop(): Promise<void> } {
  const { db, agents, client, telemetry, deployment, memories } = deps;
  const stopped = new AbortController();
  const renewMs = Math.min(everyMs, RENEW_MS);
  const lease = { name: upkeepLease(deps.namespace, deps.taskQueue), holder: deps.workerId, ttlMs: 3 * renewMs };
  const perHour = deployment.maintenance?.terminateStuckPerHour ?? TERMINATIONS_PER_HOUR;
  const rescue = { db, client, holder: deps.workerId, stuck: new StuckWorkflows(telemetry.log, perHour) };

  /** A failed repair must not prevent the others. The next round tries it again. */
  const attempt = async <T>(repair: () => Promise<T>, otherwise: T): Promise<T> => {
    if (stopped.signal.aborted) return otherwise;
    try {
      return await repair();
    } catch (error) {
      telemetry.log.debug('A repair of what Temporal may have lost failed', { error });
      return otherwise;
    }
  };

  const roundForAll = async (before: UpkeepState): Promise<UpkeepState> => {
    const { lostAfter = null, idleAfter = null, backgroundAfter = null, orphansFolder = 0, ...state } = before;
    const retentionSeconds = await attempt(() => repairNamespace(deps, state), state.retentionSeconds);
    await attempt(() => repairSearchAttributes(deps), undefined);
    await attempt(() => repairSchedule(deps), undefined);
    await attempt(() => finishRescues(rescue), undefined);
    await attempt(() => startErasures(db, client, deps.taskQueue), undefined);
    await attempt(() => startBatches(db, client, deps.taskQueue), undefined);
    await attempt(() => deleteAbandonedRows(db), undefined);
    await attempt(() => removeUnusedAttachments(db), undefined);
    await attempt(() => deps.continueChildren(quietForMs, stopped.signal), undefined);
    await attempt(
      () => deleteKeptConversations(deps, AbortSignal.any([stopped.signal, AbortSignal.timeout(DELETIONS_MS)])),
      0,
    );
    await attempt(() => removeDueContents(db), undefined);
    await attempt(() => removeDueArchiveFiles(db), undefined);
    await attempt(() => deleteOldEmbeddingCalls(db), undefined);
    await attempt(() => removeOrphans(db, orphansFolder), undefined);
    await attempt(() => repairPinned(deps, buildLostForMs, stopped.signal), undefined);
    const lost = { ...rescue, taskQueue: deps.taskQueue };
    const next = {
      lostAfter: await attempt(
        () => restartLostWorkflows(lost, { after: lostAfter, quietForMs }, stopped.signal),
        lostAfter,
      ),
      idleAfter: await attempt(
        () => wakeOverdueSessions(deps, { after: idleAfter, overdueMs }, stopped.signal),
        idleAfter,
      ),
      backgroundAfter: await attempt(
        () => requestLostBackground(deps, { after: backgroundAfter, quietForMs }, stopped.signal),
        backgroundAfter,
      ),
      orphansFolder: (orphansFolder + 1) % FOLDERS,
      ...(retentionSeconds === undefined ? {} : { retentionSeconds }),
    };
    // Last: it is not a repair, and takes the longest.
    const inTime = AbortSignal.any([stopped.signal, AbortSignal.timeout(VECTORS_MS)]);
    await attempt(() => memories.addVectors(inTime), 0);
    return next;
  };

  const loop = (async () => {
    let dueAt = 0;
    let held = false;
    while (!stopped.signal.aborted) {
      // A holder that is cut off from Temporal would keep the others from it, too.
      const responds = await temporalResponds(client);
      const state = responds ? await attempt(() => acquireLease(db, lease), null) : null;
      if (held && !responds) await attempt(() => releaseLease(db, lease), undefined);
      const isDue = Date.now() >= dueAt;
      if (isDue) {
        dueAt = Date.now() + everyMs;
        await attempt(() => rescueFailed(rescue, deps.failed), undefined);
        // A store that was restored from a backup may lack them.
        await attempt(() => saveAgentVersions(db, agents), undefined);
      }
      if (state && (isDue || !held)) {
        const next = await roundForAll(state);
        await attempt(() => saveLeaseState(db, lease, { ...next } as JsonObject), undefined);
      }
      held = state !== null;
      await delay(renewMs, undefined, { signal: stopped.signal, ref: false }).catch(() => {});
    }
    if (held) await releaseLease(db, lease).catch(() => {});
  })();
  return {
    stop: async () => {
      stopped.abort();
      await loop;
    },
  };
}

/** Creates a namespace again that is missing when a worker starts, if sessions of this store ran in it before. */
export async function restoreNamespace(
  deps: Pick<UpkeepDeps, 'db' | 'connection' | 'namespace' | 'taskQueue' | 'telemetry'>,
): Promise<void> {
  await repairNamespace(deps, (await readLeaseState(deps.db, upkeepLease(deps.namespace, deps.taskQueue))) ?? {});
}

/** Returns the retention of the namespace, which is created again with it when it is lost. */
async function repairNamespace(
  { connection, namespace, telemetry }: Pick<UpkeepDeps, 'connection' | 'namespace' | 'telemetry'>,
  { retentionSeconds }: UpkeepState,
): Promise<number | undefined> {
  const found = await readRetention(connection, namespace);
  if (found !== null || retentionSeconds === undefined) return found ?? retentionSeconds;
  await recreateNamespace(connection, namespace, retentionSeconds);
  telemetry.log.warn('The namespace was missing in Temporal and was created again');
  return retentionSeconds;
}

async function repairSearchAttributes({ connection, address, namespace, telemetry }: UpkeepDeps): Promise<void> {
  if (!(await registerSearchAttributes(connection, { address, namespace }))) return;
  telemetry.log.warn('Search attributes were missing in Temporal and were registered again');
}

async function repairPinned(
  { versioning, telemetry, ...deps }: UpkeepDeps,
  buildLostForMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (versioning === undefined) return;
  const moved = await moveStranded({ ...deps, versioning }, buildLostForMs, signal);
  if (moved > 0) telemetry.log.warn('Workflows of a build without workers continue with the current one');
}

async function repairSchedule({ client, taskQueue, schedules, deployment, telemetry }: UpkeepDeps): Promise<void> {
  if (!schedules || !(await restoreSchedule(client, taskQueue, deployment.maintenance ?? {}))) return;
  telemetry.log.warn('The schedule of clean-ups was missing in Temporal and was created again');
}
