import { expect, test } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import {
  beginContextCall,
  recordContextFailure,
  releaseContextCall,
} from '../../../store/context/begin-context-call.ts';
import { commitContextCall, type CommitContextCall } from '../../../store/context/commit-context-call.ts';
import { contributionsIn, readContextCalls } from '../../../store/context/read-context-calls.ts';
import { findBackgroundRun } from '../../../store/context/find-background-run.ts';
import { listSessionsInBackground } from '../../../store/admin/sweeps/list-sessions-in-background.ts';
import type { Db } from '../../../store/db/db.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { requeueRun } from '../../../store/sessions/requeue-run.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { newKey, pin, replyTo, send } from '../conversation.ts';

const pinned = () => ({ ...pin(), context: { phase: 'before', after: true } as const });

const inBackground = () => ({ ...pin(), context: { phase: 'steps', after: false, background: true } as const });

/** A run that has begun, with providers to be called. */
async function begun(db: Db): Promise<{ key: SessionKey; runId: string; epoch: number }> {
  const key = newKey();
  const { runId } = await send(db, key, { id: 'm1', content: 'hello' });
  const server = { workerId: 'worker 1', epoch: null };
  const position = await beginStep(db, key, { runId, pin: pinned, server });
  expect(position).toMatchObject({ kind: 'context', phase: 'before' });
  return { key, runId, epoch: position.epoch };
}

const completed: CommitContextCall['outcome'] = {
  status: 'completed',
  contribution: { instructions: 'Be \u0000kind.' },
  state: (now) => ({ runs: Number(now['runs'] ?? 0) + 1 }),
};

function refuse(): never {
  throw new Error('Refused.');
}

describeStores(DATABASES, (db) => {
  test('a run makes no model call before its contributions are stored, and completes after its last call', async () => {
    const { key, runId, epoch } = await begun(db());
    const server = { workerId: 'worker 1', epoch };
    const before = { runId, phase: 'before', provider: 'p', epoch } as const;
    expect(await beginStep(db(), key, { runId, pin: pinned, server })).toMatchObject({ kind: 'context' });
    expect((await readRun(db(), key, runId))?.modelCalls).toEqual([]);
    const attempt = (await beginContextCall(db(), key, { ...before, position: 0 })) ?? 0;
    const commit = { ...before, attempt, outcome: completed, isLast: true, workedMs: 5 };
    expect(await commitContextCall(db(), key, commit)).toMatchObject({ kind: 'committed', ended: false });
    // A repeated commit changes nothing.
    expect(await commitContextCall(db(), key, commit)).toEqual({ kind: 'stale' });
    expect(contributionsIn(await readContextCalls(db(), key, runId))).toEqual([
      { provider: 'p', instructions: 'Be \uFFFDkind.' },
    ]);
    const model = await beginStep(db(), key, { runId, pin: pinned, server });
    if (model.kind !== 'model') throw new Error(model.kind);
    expect(model.activeMs).toBe(5);
    const answer = await commitStep(db(), key, replyTo(runId, model));
    expect(answer).toMatchObject({ outcome: 'committed', ended: false });
    expect(await readRun(db(), key, runId)).toMatchObject({ status: 'running', output: null });
    const known = answer.outcome === 'committed' ? answer.next : null;
    expect(await beginStep(db(), key, { runId, pin: pinned, server, known })).toMatchObject({
      kind: 'context',
      phase: 'after',
    });
    const after = { ...before, phase: 'after' } as const;
    await beginContextCall(db(), key, { ...after, position: 0 });
    const done = { ...after, attempt: 1, outcome: { ...completed, contribution: null }, isLast: true, workedMs: 1 };
    expect(await commitContextCall(db(), key, done)).toMatchObject({ kind: 'committed', ended: true });
    expect(await commitContextCall(db(), key, done)).toEqual({ kind: 'stale' });
    expect(await readRun(db(), key, runId)).toMatchObject({ status: 'completed', output: expect.any(String) });
    expect((await readSession(db(), key))?.state).toEqual({ p: { runs: 2 } });
  });

  test('an activity that was superseded neither begins nor commits a call', async () => {
    const { key, runId, epoch } = await begun(db());
    const mine = { runId, phase: 'before', provider: 'p', epoch } as const;
    const attempt = (await beginContextCall(db(), key, { ...mine, position: 0 })) ?? 0;
    const other = await beginStep(db(), key, { runId, pin: pinned, server: { workerId: 'worker 2', epoch: null } });
    expect(await beginContextCall(db(), key, { ...mine, position: 0 })).toBeNull();
    const commit = { ...mine, attempt, outcome: completed, isLast: true, workedMs: 0 };
    expect(await commitContextCall(db(), key, commit)).toEqual({ kind: 'stale' });
    const theirs = { ...mine, epoch: other.epoch };
    const second = await beginContextCall(db(), key, { ...theirs, position: 0 });
    expect(second).toBe(2);
    // Neither does an earlier attempt of the same activity.
    expect(await commitContextCall(db(), key, { ...commit, epoch: other.epoch })).toEqual({ kind: 'stale' });
    expect((await readSession(db(), key))?.state).toEqual({});
    expect(await commitContextCall(db(), key, { ...commit, epoch: other.epoch, attempt: 2 })).toMatchObject({
      kind: 'committed',
    });
    expect((await readSession(db(), key))?.state).toEqual({ p: { runs: 1 } });
  });

  test('lost attempts count, those of a worker that left do not, and a failed call begins to count anew', async () => {
    const { key, runId, epoch } = await begun(db());
    const id = { runId, phase: 'before', provider: 'p', epoch } as const;
    const begin = () => beginContextCall(db(), key, { ...id, position: 0 });
    expect([await begin(), await begin()]).toEqual([1, 2]);
    await releaseContextCall(db(), key, { ...id, attempt: 1 });
    expect(await begin()).toBe(3);
    await releaseContextCall(db(), key, { ...id, attempt: 3 });
    await releaseContextCall(db(), key, { ...id, attempt: 2 });
    expect(await begin()).toBe(2);
    await recordContextFailure(db(), key, id, { error: 'No.', final: false });
    expect(await begin()).toBe(3);
    await recordContextFailure(db(), key, id, { error: 'No more.', final: true });
    expect(await readContextCalls(db(), key, runId)).toMatchObject([
      { status: 'failed', attempts: 3, error: 'No more.' },
    ]);
    expect(await begin()).toBe(1);
  });

  test('a change of state that throws leaves the call without an outcome', async () => {
    const { key, runId, epoch } = await begun(db());
    const id = { runId, phase: 'before', provider: 'p', epoch } as const;
    await beginContextCall(db(), key, { ...id, position: 0 });
    const commit = { ...id, attempt: 1, isLast: true, workedMs: 0, outcome: { ...completed, state: refuse } } as const;
    await expect(commitContextCall(db(), key, commit)).rejects.toThrow('Refused.');
    expect(await readContextCalls(db(), key, runId)).toMatchObject([{ status: 'running', contribution: null }]);
  });

  test('contributions go with a session into its archive and back, and are not used in a copy', async () => {
    const { key, runId, epoch } = await begun(db());
    const id = { runId, phase: 'before', provider: 'p', epoch } as const;
    await beginContextCall(db(), key, { ...id, position: 0 });
    await commitContextCall(db(), key, { ...id, attempt: 1, outcome: completed, isLast: true, workedMs: 0 });
    const end = { status: 'cancelled', reason: 'cancelled' } as const;
    await commitRunEnd(db(), key, { runId, end, partial: null, failSession: false });
    const calls = await readContextCalls(db(), key, runId);
    const copy = newKey();
    await importDocument(db(), copy, await exportOf(db(), key));
    expect(contributionsIn(await readContextCalls(db(), copy, runId))).toEqual(contributionsIn(calls));
    await archiveSession(db(), key);
    expect(await readContextCalls(db(), key, runId)).toEqual([]);
    await requeueRun(db(), key, { runId, execution: null });
    expect(await readContextCalls(db(), key, runId)).toEqual(calls);
    expect(await beginStep(db(), key, { runId, pin: pinned })).toMatchObject({ kind: 'model', step: 1 });
    // A document could contain any instructions and tools.
    await requeueRun(db(), copy, { runId, execution: null });
    expect(await readContextCalls(db(), copy, runId)).toEqual([]);
    expect(await beginStep(db(), copy, { runId, pin: pinned })).toMatchObject({ kind: 'context', phase: 'before' });
  });

  test('no call begins in a session that does not exist', async () => {
    const id = { runId: 'run', phase: 'before', provider: 'p', epoch: 1, position: 0 } as const;
    expect(await beginContextCall(db(), newKey(), id)).toBeNull();
  });

  /** A run that has completed, with calls left for the background. */
  async function answered(key: SessionKey, id: string): Promise<string> {
    const { runId } = await send(db(), key, { id, content: 'hello' });
    const server = { workerId: 'worker 1', epoch: null };
    const model = await beginStep(db(), key, { runId, pin: inBackground, server });
    if (model.kind !== 'model') throw new Error(model.kind);
    expect(await commitStep(db(), key, replyTo(runId, model))).toMatchObject({ outcome: 'committed', ended: true });
    return runId;
  }

  test('calls in the background follow the order of the runs, and take effect once', async () => {
    const key = newKey();
    const runs = [await answered(key, 'm1'), await answered(key, 'm2')];
    for (const [at, runId] of runs.entries()) {
      expect(await readRun(db(), key, runId)).toMatchObject({ status: 'completed', background: 'pending' });
      expect(await findBackgroundRun(db(), key)).toMatchObject({ runId, waiting: 2 - at });
      const sessions = await listSessionsInBackground(db(), {
        quietForMs: 0,
        endsAfterMs: 1e9,
        after: null,
        limit: 500,
      });
      expect(sessions).toContainEqual({ key, kind: 'session' });
      const id = { runId, phase: 'after', provider: 'p', epoch: null } as const;
      const lost = await beginContextCall(db(), key, { ...id, position: 0 });
      const attempt = await beginContextCall(db(), key, { ...id, position: 0 });
      expect([lost, attempt]).toEqual([1, 2]);
      const outcome = { ...completed, contribution: null };
      const commit = { ...id, attempt: 2, outcome, isLast: true, workedMs: 5 };
      expect(await commitContextCall(db(), key, { ...commit, attempt: 1 })).toEqual({ kind: 'stale' });
      expect(await commitContextCall(db(), key, commit)).toMatchObject({ kind: 'committed' });
      expect(await commitContextCall(db(), key, commit)).toEqual({ kind: 'stale' });
      expect(await beginContextCall(db(), key, { ...id, position: 0 })).toBeNull();
      expect((await readRun(db(), key, runId))?.background).toBeUndefined();
    }
    expect(await findBackgroundRun(db(), key)).toBeNull();
    expect((await readSession(db(), key))?.state).toEqual({ p: { runs: 2 } });
  });

  test('what is left for the background rests in an archive, goes on after it, and is not done in a copy', async () => {
    const key = newKey();
    const runId = await answered(key, 'm1');
    const copy = newKey();
    await importDocument(db(), copy, await exportOf(db(), key));
    expect(await findBackgroundRun(db(), copy)).toBeNull();
    await archiveSession(db(), key);
    expect(await findBackgroundRun(db(), key)).toBeNull();
    const id = { runId, phase: 'after', provider: 'p', epoch: null, position: 0 } as const;
    expect(await beginContextCall(db(), key, id)).toBeNull();
    await send(db(), key, { id: 'm2', content: 'again' });
    expect(await findBackgroundRun(db(), key)).toMatchObject({ runId });
  });
});
