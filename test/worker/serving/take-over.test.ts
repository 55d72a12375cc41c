import { ActivityNotFoundError, type Client } from '@temporalio/client';
import { expect, test } from 'vitest';
import type { ServerLoss } from '../../../contracts/session/server-loss.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { supersedeServer } from '../../../store/admin/workers/take-over-sessions.ts';
import { endWorkerLease, renewWorkerLease } from '../../../store/admin/workers/worker-lease.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { TakeOver } from '../../../worker/serving/take-over.ts';
import { newKey, pin, send } from '../../store/conversation.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';

const store = embeddedDatabase();

interface SignalOptions {
  readonly workflowId: string;
  readonly signalArgs: readonly [ServerLoss];
}

const SCHEDULED = 1;
const STARTED = 2;
const CANCEL_REQUESTED = 3;

/** A Temporal server that may not respond, or not to signals. `workers`: those that have the serving activities of each session, in order. */
function fakeTemporal(...workers: readonly string[]) {
  return fakeTemporalOf(
    workers.map((lastWorkerIdentity) => ({ name: 'advanceRun', lastWorkerIdentity, state: STARTED })),
  );
}

function fakeTemporalOf(
  activities: readonly { readonly name: string; readonly lastWorkerIdentity: string; readonly state: number }[],
) {
  const signals: { readonly workflowId: string; readonly loss: ServerLoss }[] = [];
  const fails = { all: false, signals: false };
  const call = async <T>(isSignal: boolean, result: T): Promise<T> => {
    if (fails.all || (isSignal && fails.signals)) throw new Error('Temporal does not respond.');
    return result;
  };
  const pendingActivities = activities.map(({ name, ...activity }, index) => ({
    activityId: String(index + 9),
    activityType: { name },
    ...activity,
  }));
  const failed: string[] = [];
  const client = {
    options: { namespace: 'default' },
    withDeadline: (_: number, work: () => Promise<unknown>) => work(),
    workflowService: {
      getSystemInfo: () => call(false, {}),
      resetStickyTaskQueue: () => call(false, {}),
    },
    activity: {
      fail: async ({ runId, activityId }: { runId: string; activityId: string }) => {
        failed.push(`${runId} ${activityId}`);
        if (activityId === '9') throw new ActivityNotFoundError('Not found');
      },
    },
    workflow: {
      getHandle: () => ({ describe: () => call(false, { runId: 'execution', raw: { pendingActivities } }) }),
      signalWithStart: async (_: string, { workflowId, signalArgs: [loss] }: SignalOptions) => {
        signals.push({ workflowId, loss });
        await call(true, null);
      },
    },
  } as unknown as Client;
  const reported = (key: SessionKey): ServerLoss[] =>
    signals.filter(({ workflowId }) => workflowId === workflowIdOf(key)).map(({ loss }) => loss);
  return { client, fails, failed, reported };
}

/** Takes the lease of a worker of the task queue of its name. */
async function renew(worker: string): Promise<void> {
  const begun = { runs: 0, measured: 0, waitedMs: 0 };
  await renewWorkerLease(store.db, { workerId: worker, taskQueue: worker, version: '1', begun, draining: false });
}

/** A session whose run a worker executed that was lost. */
async function lostSession(worker: string): Promise<SessionKey> {
  const key = newKey();
  const { runId } = await send(store.db, key, { id: 'm1', content: 'hello' });
  await renew(worker);
  await beginStep(store.db, key, { runId, pin, server: { workerId: worker, epoch: null } });
  await endWorkerLease(store.db, worker);
  return key;
}

async function servingOf({ user, session }: SessionKey): Promise<{ by: string | null; epoch: number }> {
  const [row] = await store.db.query<{ by: string | null; epoch: number }>(
    'SELECT served_by AS by, epoch FROM perdure.sessions WHERE user_id = $1 AND session_id = $2',
    [user, session],
  );
  if (!row) throw new Error('The session does not exist.');
  return row;
}

test('a worker that Temporal does not respond to leaves the sessions of lost workers to others', async () => {
  const key = await lostSession('first');
  const { client, fails, reported } = fakeTemporal('first');
  const deps = { db: store.db, client, taskQueue: 'first', log: createTelemetry().log };
  fails.all = true;
  await new TakeOver({ ...deps, workerId: 'cut off' }).run(new AbortController().signal);
  const lost = await servingOf(key);
  expect(lost.by).toBe('first');
  fails.all = false;
  await new TakeOver({ ...deps, workerId: 'other' }).run(new AbortController().signal);
  expect(await servingOf(key)).toEqual({ by: null, epoch: lost.epoch + 1 });
  expect(reported(key)).toEqual([{ epoch: lost.epoch + 1 }]);
});

test('a signal of a take-over that failed is repeated by the next look, once, and for the same epoch', async () => {
  const key = await lostSession('second');
  const { client, fails, reported } = fakeTemporal('second');
  const takeOver = takeOverOf('second', client);
  fails.signals = true;
  await takeOver.run(new AbortController().signal);
  fails.signals = false;
  for (let look = 0; look < 2; look += 1) await takeOver.run(new AbortController().signal);
  const { epoch } = await servingOf(key);
  expect(reported(key)).toEqual([{ epoch }, { epoch }]);
});

test('the signal of a take-over spares an activity that another worker has, whatever the lost one has not completed', async () => {
  const key = await lostSession('third');
  const { client, reported } = fakeTemporal('third', 'other');
  await takeOverOf('third', client).run(new AbortController().signal);
  expect(reported(key)).toEqual([{ epoch: 0 }]);
});

test('a session that a lost worker has begun to serve without a claim is taken over, unless another one serves it', async () => {
  const key = newKey();
  const { runId } = await send(store.db, key, { id: 'm1', content: 'hello' });
  await renew('fourth');
  await endWorkerLease(store.db, 'fourth');
  const { client, reported } = fakeTemporal('fourth');
  await takeOverOf('fourth', client).run(new AbortController().signal);
  const { epoch } = await servingOf(key);
  expect(reported(key)).toEqual([{ epoch }]);

  await beginStep(store.db, key, { runId, pin, server: { workerId: 'other', epoch: null } });
  expect(await supersedeServer(store.db, key)).toBe(null);
  expect(await servingOf(key)).toEqual({ by: 'other', epoch: epoch + 1 });
});

test('a server whose run was stopped before its worker was lost is replaced', async () => {
  const key = await lostSession('fifth');
  const { client, reported } = fakeTemporalOf([
    { name: 'advanceRun', lastWorkerIdentity: 'fifth', state: CANCEL_REQUESTED },
  ]);
  await takeOverOf('fifth', client).run(new AbortController().signal);
  expect(reported(key)).toEqual([{ epoch: (await servingOf(key)).epoch }]);
});

test('the activities of tool calls that a lost worker has are failed, whether or not one has ended meanwhile', async () => {
  const key = newKey();
  await send(store.db, key, { id: 'm1', content: 'hello' });
  await renew('sixth');
  await endWorkerLease(store.db, 'sixth');
  const { client, failed, reported } = fakeTemporalOf([
    { name: 'runTool', lastWorkerIdentity: 'sixth', state: STARTED },
    { name: 'runTool', lastWorkerIdentity: 'sixth', state: CANCEL_REQUESTED },
    { name: 'runTool', lastWorkerIdentity: 'sixth', state: SCHEDULED },
    { name: 'runTool', lastWorkerIdentity: 'other', state: STARTED },
    { name: 'callInBackground', lastWorkerIdentity: 'sixth', state: STARTED },
  ]);
  await takeOverOf('sixth', client).run(new AbortController().signal);
  expect(failed).toContain('execution 9');
  expect(new Set(failed)).toEqual(new Set(['execution 9', 'execution 10']));
  expect(reported(key)).toEqual([]);
});

function takeOverOf(taskQueue: string, client: Client): TakeOver {
  return new TakeOver({ db: store.db, client, taskQueue, workerId: 'other', log: createTelemetry().log });
}
