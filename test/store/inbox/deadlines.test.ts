import { expect, test } from 'vitest';
import type { PerdureError } from '../../../contracts/errors.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { sessionLimits } from '../../../contracts/session/session-limits.ts';
import { countOpen } from '../../../store/admin/reports/count-open.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { removeSession } from '../../../store/sessions/remove-session.ts';
import { restoreSession } from '../../../store/sessions/restore-session.ts';
import { hasOpenRun } from '../../../store/sessions/expire-if-due.ts';
import { answerApproval } from '../../../store/inbox/answer-item.ts';
import { listItems, listPendingItems } from '../../../store/inbox/list-items.ts';
import { settleDue } from '../../../store/inbox/settle-due.ts';
import { listSessionsWithOpenRuns } from '../../../store/admin/sweeps/list-sessions-with-open-runs.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { commitSessionEnd } from '../../../store/sessions/commit-session-end.ts';
import { requeueRun } from '../../../store/sessions/requeue-run.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { beginModel, call, pin, send } from '../conversation.ts';
import { answerTo, asked, letExpire, waitingRun, waits } from './waiting-calls.ts';

describeStores(DATABASES, (db) => {
  /** Moves the times of an item into the past, as if it had been requested earlier. */
  const letPass = async ({ user, session }: SessionKey, ms: number) =>
    await db().query(
      `UPDATE perdure.inbox SET requested_at = requested_at - make_interval(secs => $3::float8 / 1000),
              expires_at = expires_at - make_interval(secs => $3::float8 / 1000),
              remind_at = remind_at - make_interval(secs => $3::float8 / 1000)
        WHERE user_id = $1 AND session_id = $2`,
      [user, session, ms],
    );

  test('before the deadline nothing is settled, and the time until it is returned', async () => {
    const { key } = await waitingRun(db(), [asked('c1', { waits: waits({}, { expiresMs: 60_000 }) })]);
    const { dueInMs, events, wakes } = await settleDue(db(), key);
    expect(dueInMs).toBeGreaterThan(0);
    expect(dueInMs).toBeLessThanOrEqual(60_000);
    expect({ events, wakes }).toEqual({ events: [], wakes: null });
  });

  test('an expired approval is rejected by default, and its run goes on', async () => {
    const { key, runId, items } = await waitingRun(db(), [asked('c1')]);
    await letExpire(db(), key, items[0] ?? '');
    const { wakes, dueInMs, events } = await settleDue(db(), key);
    expect(events).toMatchObject([{ type: 'approval.expired', outcome: 'reject' }, { type: 'tool.failed' }]);
    expect({ wakes, dueInMs }).toMatchObject({ wakes: { runId }, dueInMs: null });
    expect((await listItems(db(), { ...key, status: 'expired' })).items).toHaveLength(1);
    expect(await beginModel(db(), key, runId)).toMatchObject({ step: 2 });
    expect((await settleDue(db(), key)).events).toEqual([]);
  });

  test('an expired approval is executed if the agent has it so', async () => {
    const { key, runId, items } = await waitingRun(db(), [asked('c1', { waits: waits({ onExpiry: 'approve' }) })]);
    await letExpire(db(), key, items[0] ?? '');
    expect((await settleDue(db(), key)).events).toMatchObject([{ type: 'approval.expired', outcome: 'approve' }]);
    expect(await beginStep(db(), key, { runId, pin })).toMatchObject({ kind: 'tools', calls: [{ callId: 'c1' }] });
  });

  test('an expired approval fails its run if the agent has it so, and the run behind it goes on', async () => {
    const { key, runId, items } = await waitingRun(db(), [
      asked('c1', { waits: waits({ onExpiry: 'fail' }) }),
      asked('c2'),
    ]);
    const { runId: next } = await send(db(), key, { id: 'm2', content: 'next' });
    await letExpire(db(), key, items[0] ?? '');
    const { events, wakes } = await settleDue(db(), key);
    expect(events.map(({ type }) => type)).toEqual([
      'approval.expired',
      'approval.withdrawn',
      'tool.cancelled',
      'tool.cancelled',
      'run.failed',
    ]);
    expect(await readRun(db(), key, runId)).toMatchObject({ status: 'failed', error: { code: 'approval_expired' } });
    expect(wakes).toMatchObject({ runId: next });
    // It can be resumed: the model decides what to do without the calls.
    await requeueRun(db(), key, { runId, execution: null });
    expect(await readRun(db(), key, runId)).toMatchObject({ status: 'queued' });
  });

  test('a client that does not answer in time fails the call', async () => {
    const client = waits({ onExpiry: 'approve' }, { kind: 'client' });
    const { key, items } = await waitingRun(db(), [call('c1', { waits: client })]);
    await letExpire(db(), key, items[0] ?? '');
    expect((await settleDue(db(), key)).events).toMatchObject([
      { type: 'client_call.expired' },
      { type: 'tool.failed', error: 'No client has handed in a result in time.' },
    ]);
  });

  test('reminders are recorded when they are due; those that were missed are one', async () => {
    const remindMs = [10_000, 20_000, 30_000];
    const { key } = await waitingRun(db(), [asked('c1', { waits: waits({ remindMs }) })]);
    expect((await listPendingItems(db(), key))[0]).toMatchObject({ reminders: 0 });
    await letPass(key, 10_000);
    expect((await settleDue(db(), key)).events).toMatchObject([{ type: 'approval.reminded', reminder: 1 }]);
    expect((await settleDue(db(), key)).events).toEqual([]);
    await letPass(key, 20_000);
    expect((await settleDue(db(), key)).events).toMatchObject([{ type: 'approval.reminded', reminder: 2 }]);
    expect((await listPendingItems(db(), key))[0]).toMatchObject({ remindAt: null });
    expect((await settleDue(db(), key)).dueInMs).toBeLessThanOrEqual(3_600_000 - 30_000);
  });

  test('an answer and the deadline at once: one of them counts', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { key, runId, items } = await waitingRun(db(), [asked('c1', { waits: waits({}, { expiresMs: 60_000 }) })]);
      // The deadline is a millisecond before or after both, or between them.
      await letPass(key, 60_000 - (round % 5));
      const [answered, settled] = await Promise.allSettled([
        answerApproval(db(), key, answerTo(items[0] ?? '', { decision: 'approve' })),
        settleDue(db(), key),
      ]);
      const isAnswered = answered.status === 'fulfilled';
      const isExpired = settled.status === 'fulfilled' && settled.value.events.length > 0;
      expect(isAnswered && isExpired).toBe(false);
      expect(isAnswered || (answered.reason as PerdureError).code).toBe(isAnswered || 'already_decided');
      // The answer came too late, and the check too early.
      await letPass(key, 60_000);
      await settleDue(db(), key);
      const [item] = (await listItems(db(), { ...key, status: null })).items;
      expect(item?.status).toBe(isAnswered ? 'answered' : 'expired');
      expect(await readRun(db(), key, runId)).toMatchObject({ status: 'queued' });
    }
  });

  test('a session with a run that waits is not idle, and workers look after it only when its deadline is overdue', async () => {
    const { key, items } = await waitingRun(db(), [asked('c1')]);
    await send(db(), key, { id: 'm2', content: 'behind it' });
    expect(await hasOpenRun(db(), key)).toBe(true);
    const found = async () =>
      (await listSessionsWithOpenRuns(db(), { quietForMs: 0, after: null, limit: 10_000 })).some(
        (one) => one.key.session === key.session,
      );
    expect(await found()).toBe(false);
    await letExpire(db(), key, items[0] ?? '');
    expect(await found()).toBe(true);
  });

  test('what a run waits for goes on waiting in an archive, and its run goes on by the answer after the session was restored', async () => {
    const { key, runId, items } = await waitingRun(db(), [asked('c1'), asked('c2')]);
    await send(db(), key, { id: 'm2', content: 'behind it' });
    await answerApproval(db(), key, answerTo(items[0] ?? '', { decision: 'reject', reason: 'no' }));
    const { events } = await archiveSession(db(), key);
    expect(events).toMatchObject([{ type: 'run.cancelled', reason: 'archived' }, { type: 'session.archived' }]);
    expect((await listItems(db(), { ...key, status: null })).items).toEqual([]);
    await restoreSession(db(), key, sessionLimits(undefined));
    expect((await listItems(db(), { ...key, status: null })).items).toMatchObject([
      { id: items[0], status: 'answered', decision: 'reject', reason: 'no', answeredBy: 'ann' },
      { id: items[1], status: 'pending' },
    ]);
    expect(await readRun(db(), key, runId)).toMatchObject({ status: 'waiting' });
    const { wakes } = await answerApproval(db(), key, answerTo(items[1] ?? '', { decision: 'approve' }));
    expect(wakes).toMatchObject({ runId });
    expect(await beginStep(db(), key, { runId, pin })).toMatchObject({ kind: 'tools', calls: [{ callId: 'c2' }] });
  });

  test('a message that restores a session waits behind a run that holds the queue, as before the archive', async () => {
    const { key } = await waitingRun(db(), [asked('c1')]);
    await archiveSession(db(), key);
    const { receipt } = await send(db(), key, { id: 'm2', content: 'behind it' });
    expect(receipt).toMatchObject({ disposition: 'queued' });
  });

  test('what was due while its session was archived is settled after the session was restored', async () => {
    const { key, runId, items } = await waitingRun(db(), [asked('c1')]);
    await letExpire(db(), key, items[0] ?? '');
    await archiveSession(db(), key);
    expect(await settleDue(db(), key)).toMatchObject({ dueInMs: null, wakes: null, events: [] });
    await restoreSession(db(), key, sessionLimits(undefined));
    const { wakes, events } = await settleDue(db(), key);
    expect(events).toMatchObject([{ type: 'approval.expired' }, { type: 'tool.failed' }]);
    expect(wakes).toMatchObject({ runId });
  });

  test('a session that is deleted takes with it what its runs wait for', async () => {
    const { key } = await waitingRun(db(), [asked('c1')]);
    await removeSession(db(), key, { archives: () => false });
    expect((await listItems(db(), { ...key, status: null })).items).toEqual([]);
  });

  test('runs that wait are counted as such, and those behind them are not late', async () => {
    const before = await countOpen(db());
    const { key } = await waitingRun(db(), [asked('c1')]);
    await send(db(), key, { id: 'm2', content: 'behind it' });
    const { waitingRuns, queuedRuns, runningRuns } = await countOpen(db());
    expect({ waitingRuns, queuedRuns, runningRuns }).toEqual({
      waitingRuns: before.waitingRuns + 1,
      queuedRuns: before.queuedRuns + 1,
      runningRuns: before.runningRuns,
    });
  });

  test('the end of a session withdraws what its runs have asked for', async () => {
    const { key, items } = await waitingRun(db(), [asked('c1')]);
    const { events } = await commitSessionEnd(db(), key, { status: 'completed', reason: null });
    expect(events.map(({ type }) => type)).toEqual([
      'approval.withdrawn',
      'tool.cancelled',
      'run.cancelled',
      'session.ended',
    ]);
    await expect(answerApproval(db(), key, answerTo(items[0] ?? '', { decision: 'approve' }))).rejects.toMatchObject({
      code: 'already_decided',
      message: expect.stringContaining('withdrawn'),
    });
  });
});
