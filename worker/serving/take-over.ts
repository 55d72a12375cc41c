import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { workflowIdOf } from '../../contracts/session/session-key.ts';
import { acquireLease } from '../../store/admin/leases/leases.ts';
import {
  findLostWorkers,
  listUnserved,
  noteTakenOver,
  supersedeServer,
  takeOverSessions,
  type LostSession,
} from '../../store/admin/workers/take-over-sessions.ts';
import type { Db } from '../../store/db/db.ts';
import type { Log } from '../../telemetry/log.ts';
import { temporalResponds } from '../temporal-responds.ts';
import { failLostTools } from './fail-lost-tools.ts';
import { isExecutedBy, newestServer, pendingActivities } from './pending-activities.ts';
import { reportLostServer } from './report-lost-server.ts';

export interface TakeOverDeps {
  readonly db: Db;
  readonly client: Client;
  readonly taskQueue: string;
  readonly workerId: string;
  readonly log: Log;
}

/** Sessions that are acted on at once. */
const BATCH = 25;
/** Least time between two batches, so that the other workers are not overrun. */
const BATCH_MS = 125;
const LEASE_MS = 10_000;

/** Sessions without a server whose activities are looked at after a worker was lost. */
const MAX_UNSERVED = 1_000;

/** By workflow id: the sessions of a lost worker, and whether their workflows have the signal. */
type Reports = Map<string, { readonly session: LostSession; isDelivered: boolean }>;

/**
 * Takes over the sessions of lost workers: ends their serving in the store, after which those workers can commit nothing, and
 * signals the workflows of those with an open run, which start another activity instead of the lost one. Fails the activities of
 * tool calls that they have, which Temporal tries again. One worker does it at a
 * time, one that Temporal responds to. Where a signal fails, the worker counts as lost until the next call has repeated it: with
 * the same epoch, since it may have arrived.
 */
export class TakeOver {
  readonly #deps: TakeOverDeps;
  readonly #reports = new Map<string, Reports>();
  #running: Promise<void> | null = null;

  constructor(deps: TakeOverDeps) {
    this.#deps = deps;
  }

  /** While a call is in progress, others wait for it. */
  run(signal: AbortSignal): Promise<void> {
    return (this.#running ??= this.#run(signal).finally(() => {
      this.#running = null;
    }));
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { db, taskQueue, workerId, log, client } = this.#deps;
    const lease = { name: `take-over:${taskQueue}`, holder: workerId, ttlMs: LEASE_MS };
    const holds = async (): Promise<boolean> => !signal.aborted && (await acquireLease(db, lease)) !== null;
    const lostWorkers = await findLostWorkers(db, taskQueue);
    for (const worker of this.#reports.keys()) if (!lostWorkers.includes(worker)) this.#reports.delete(worker);
    if (lostWorkers.length === 0 || !(await temporalResponds(client))) return;
    for (const lost of lostWorkers) {
      const reports = this.#reports.get(lost) ?? new Map();
      this.#reports.set(lost, reports);
      const repeated = [...reports.values()].filter(({ isDelivered }) => !isDelivered).map(({ session }) => session);
      for (let isComplete = false; !isComplete;) {
        if (!(await holds())) return;
        const page = await takeOverSessions(db, lost, BATCH);
        ({ isComplete } = page);
        for (const session of page.withOpenRuns) addReport(reports, session);
        await inTurn(page.withOpenRuns, (session) => this.#report(reports, lost, session));
      }
      for (const batch of batchesOf(repeated)) {
        if (!(await holds())) return;
        await inTurn(batch, (session) => this.#report(reports, lost, session));
      }
      const unserved = await listUnserved(db, MAX_UNSERVED);
      let failed = 0;
      for (const batch of batchesOf(unserved.filter(({ key }) => !reports.has(workflowIdOf(key))))) {
        if (!(await holds())) return;
        failed += await inTurn(batch, (session) => this.#reportUnserved(reports, lost, session));
      }
      if (failed > 0 || ![...reports.values()].every(({ isDelivered }) => isDelivered)) continue;
      await noteTakenOver(db, lost);
      const { size: sessions } = reports;
      if (sessions > 0) log.warn('The sessions of a lost worker go on elsewhere', { worker: lost, sessions });
    }
  }

  async #report(reports: Reports, lost: string, session: LostSession): Promise<void> {
    const { client, taskQueue } = this.#deps;
    // Otherwise it has returned, and the workflow goes on by itself, unless it is not running or has missed the run.
    const isLost = isExecutedBy(newestServer(await pendingActivities(client, workflowIdOf(session.key))), lost);
    await reportLostServer(client, taskQueue, session, { epoch: isLost ? session.epoch : 0 });
    reports.set(workflowIdOf(session.key), { session, isDelivered: true });
  }

  /** For a session for which the store does not name the worker: that had begun to serve it without having claimed a run, or has calls of its tools. */
  async #reportUnserved(reports: Reports, lost: string, session: Omit<LostSession, 'epoch'>): Promise<void> {
    const { db, client } = this.#deps;
    const workflowId = workflowIdOf(session.key);
    const pending = await pendingActivities(client, workflowId);
    if (pending === null) return;
    await failLostTools(client, workflowId, pending, lost);
    if (!isExecutedBy(newestServer(pending), lost)) return;
    const epoch = await supersedeServer(db, session.key);
    if (epoch === null) return;
    const report = { ...session, epoch };
    addReport(reports, report);
    await this.#report(reports, lost, report);
  }
}

function addReport(reports: Reports, session: LostSession): void {
  reports.set(workflowIdOf(session.key), { session, isDelivered: false });
}

/** Acts on all sessions at once, and returns for how many it failed. Takes at least {@link BATCH_MS} if there are any. */
async function inTurn<T>(sessions: readonly T[], act: (session: T) => Promise<void>): Promise<number> {
  if (sessions.length === 0) return 0;
  const [results] = await Promise.all([Promise.allSettled(sessions.map(act)), delay(BATCH_MS)]);
  return results.filter(({ status }) => status === 'rejected').length;
}

function batchesOf<T>(sessions: readonly T[]): T[][] {
  const count = Math.ceil(sessions.length / BATCH);
  return Array.from({ length: count }, (_, index) => sessions.slice(index * BATCH, (index + 1) * BATCH));
}
