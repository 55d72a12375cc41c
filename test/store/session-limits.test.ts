import { expect, test } from 'vitest';
import { admitMessages } from '../../src/store/admit-messages.ts';
import { endRun } from '../../src/store/end-run.ts';
import { openSession } from '../../src/store/open-session.ts';
import { readSession } from '../../src/store/read-session.ts';
import { DATABASES, describeStores } from '../support/databases.ts';
import { admission, newKey, refused, send } from './conversation.ts';

const limits = (activePerUser: number, evictIdleMs: number) => ({ activePerUser, active: null, evictIdleMs });
const OPEN = { agent: 'assistant', kind: 'session', execution: null } as const;

describeStores(DATABASES, (db) => {
  test('at the limit the session that was idle longest expires, and one with a run does not', async () => {
    const [busy, oldest, newer] = [newKey('lim-a'), newKey('lim-a'), newKey('lim-a')];
    await send(db(), busy, { id: 'm', content: 'x' });
    for (const key of [oldest, newer]) await openSession(db(), key, OPEN);
    await send(db(), newKey('lim-a'), { id: 'm', content: 'x' }, { limits: limits(3, 0) });
    const statuses = await Promise.all(
      [busy, oldest, newer].map(async (key) => (await readSession(db(), key))?.status),
    );
    expect(statuses).toEqual(['active', 'expired', 'active']);
  });

  test('where none is idle long enough a new session is refused, one that is there goes on, and nothing is left', async () => {
    const first = newKey('lim-b');
    const { runId } = await send(db(), first, { id: 'm', content: 'x' });
    await endRun(db(), first, { runId, end: { status: 'cancelled', reason: 'x' }, partial: null, failSession: false });
    const second = newKey('lim-b');
    const tight = { limits: limits(1, 60_000) };
    const refusal = await refused(db(), second, { id: 'm', content: 'x' }, tight);
    expect(refusal).toMatchObject({ code: 'session_limit', detail: expect.stringContaining('End or delete one') });
    await expect(openSession(db(), second, { ...OPEN, ...tight })).rejects.toMatchObject({ code: 'session_limit' });
    expect(await readSession(db(), second)).toBeNull();
    await send(db(), first, { id: 'm2', content: 'x' }, tight);
  });

  test('of many sessions made at once only as many become active as may', async () => {
    const user = `lim-c-${newKey().session}`;
    const tried = await Promise.all(
      Array.from({ length: 30 }, () => admitMessages(db(), newKey(user), admission({ limits: limits(5, 60_000) }))),
    );
    expect(tried.filter(({ created }) => created)).toHaveLength(5);
    expect(tried.flatMap(({ results }) => results.flatMap((one) => (one.ok ? [] : [one.code])))).toHaveLength(25);
  });
});
