import { expect, test } from 'vitest';
import { expireIfDue } from '../../../store/sessions/expire-if-due.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { requeueRun } from '../../../store/sessions/requeue-run.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { newKey, send } from '../conversation.ts';

const LONG = 1_000_000_000;
const idle = (idleTimeoutMs: number) => () => ({ idleTimeoutMs, maxAgeMs: LONG });
const aged = (maxAgeMs: number) => () => ({ idleTimeoutMs: LONG, maxAgeMs });

describeStores(DATABASES, (db) => {
  async function quietSession() {
    const key = newKey();
    const { runId } = await send(db(), key, { id: 'm1', content: 'hello' });
    const end = { status: 'cancelled', reason: 'test' } as const;
    await commitRunEnd(db(), key, { runId, end, partial: null, failSession: false });
    return { key, runId };
  }

  test('a session that is idle for its time expires, once, with the reason', async () => {
    const { key } = await quietSession();
    const first = await expireIfDue(db(), key, idle(0));
    expect(first).toMatchObject({ session: { status: 'expired' }, dueInMs: null });
    expect(first.events).toMatchObject([{ type: 'session.expired', reason: expect.stringContaining('idleTimeoutMs') }]);
    expect((await expireIfDue(db(), key, idle(0))).events).toEqual([]);
    const { endReason } = (await readSession(db(), key)) ?? {};
    expect(endReason).toContain('idleTimeoutMs');
  });

  test('a session that lives is told when to look again', async () => {
    const { key } = await quietSession();
    const { session, dueInMs, events } = await expireIfDue(db(), key, idle(60_000));
    expect(session).toMatchObject({ status: 'active' });
    expect(dueInMs).toBeGreaterThan(50_000);
    expect(dueInMs).toBeLessThanOrEqual(60_000);
    expect(events).toEqual([]);
  });

  test('a session with an open run does not expire, however old', async () => {
    const key = newKey();
    await send(db(), key, { id: 'm1', content: 'hello' });
    expect(await expireIfDue(db(), key, aged(0))).toMatchObject({ session: { status: 'active' }, events: [] });
  });

  test('a message to an expired session reopens it, with its age counted anew and its receipts kept', async () => {
    const { key } = await quietSession();
    await expireIfDue(db(), key, aged(0));
    const before = await readSession(db(), key);
    const { events } = await send(db(), key, { id: 'm2', content: 'again' });
    expect(events.map(({ type }) => type)).toEqual(['session.recovered', 'message.received']);
    expect((await send(db(), key, { id: 'm1', content: 'hello' })).duplicate).toBe(true);
    const after = await readSession(db(), key);
    expect(after).toMatchObject({ status: 'active', createdAt: before?.createdAt });
    expect(Date.parse(after?.openedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(before?.lastActiveAt ?? ''));
  });

  test('resuming a run of an expired session reopens it', async () => {
    const { key, runId } = await quietSession();
    await expireIfDue(db(), key, idle(0));
    expect(await requeueRun(db(), key, { runId, execution: null })).toMatchObject({ session: { status: 'active' } });
  });

  test('looking at a session that is not there does nothing', async () => {
    expect(await expireIfDue(db(), newKey(), idle(0))).toEqual({ session: null, dueInMs: null, events: [] });
  });
});
