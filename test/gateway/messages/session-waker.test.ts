import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PerdureError } from '../../../contracts/errors.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { WakeReference } from '../../../contracts/session/wake-reference.ts';
import { SessionWaker } from '../../../gateway/answers/session-waker.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const key = (session: string): SessionKey => ({ user: 'ann', session });
const reference = (runId: string): WakeReference => ({
  session: { status: 'active', agent: 'assistant' },
  run: { runId, ordinal: 1, urgent: false },
  interrupts: null,
  wasIdle: true,
});

/** A Temporal whose signals are answered by the test. */
function controlledSender() {
  const sent: { session: string; run: string | null; finish: (succeeds: boolean) => Promise<unknown> }[] = [];
  const wake = async ({ session }: SessionKey, _kind: string, { run }: WakeReference): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const finish = (succeeds: boolean): Promise<unknown> => {
      if (succeeds) resolve();
      else reject(new PerdureError('temporal_unavailable', 'Temporal is away.'));
      return vi.advanceTimersByTimeAsync(0);
    };
    sent.push({ session, run: run?.runId ?? null, finish });
    await promise;
  };
  return { sent, wake };
}

test('one signal of a session is on its way at a time, and those that follow meanwhile become one', async () => {
  const sender = controlledSender();
  const waker = new SessionWaker(sender);
  void waker.wake(key('a'), 'session', reference('r1'));
  void waker.wake(key('b'), 'session', reference('r1'));
  for (const runId of ['r2', 'r3']) void waker.wake(key('a'), 'session', reference(runId));
  expect(sender.sent.map(({ session, run }) => [session, run])).toEqual([
    ['a', 'r1'],
    ['b', 'r1'],
  ]);
  await sender.sent[0]?.finish(true);
  expect(sender.sent.slice(2).map(({ session, run }) => [session, run])).toEqual([['a', null]]);
  await sender.sent[2]?.finish(true);
  void waker.wake(key('a'), 'session', reference('r4'));
  expect(sender.sent.at(-1)).toMatchObject({ session: 'a', run: 'r4' });
});

test('a reference that interrupts a run is not merged with others', async () => {
  const sender = controlledSender();
  const waker = new SessionWaker(sender);
  for (const runId of ['r1', 'r2', 'r3']) void waker.wake(key('a'), 'session', reference(runId));
  void waker.wake(key('a'), 'session', { ...reference('urgent'), interrupts: 'r1' });
  for (const runId of ['r4', 'r5']) void waker.wake(key('a'), 'session', reference(runId));
  for (const index of [0, 1, 2]) await sender.sent[index]?.finish(true);
  expect(sender.sent.map(({ run }) => run)).toEqual(['r1', null, 'urgent', null]);
});

test('a signal that fails is repeated later and later, for about a minute', async () => {
  const atMs: number[] = [];
  const waker = new SessionWaker({
    wake: async () => {
      atMs.push(Date.now());
      throw new PerdureError('temporal_unavailable', 'Temporal is away.');
    },
  });
  const startMs = Date.now();
  void waker.wake(key('a'), 'session', reference('r1'));
  await vi.advanceTimersByTimeAsync(300_000);
  expect(atMs.slice(0, 5).map((one) => one - startMs)).toEqual([0, 250, 750, 1_750, 3_750]);
  expect((atMs.at(-1) ?? 0) - startMs).toBeGreaterThanOrEqual(60_000);
  expect((atMs.at(-1) ?? 0) - startMs).toBeLessThan(71_000);
  expect(vi.getTimerCount()).toBe(0);
});

test('at the limit the oldest wake is dropped: its run is found in the store', async () => {
  const sender = controlledSender();
  const waker = new SessionWaker(sender, { sessions: 1, forMs: 60_000 });
  void waker.wake(key('a'), 'session', reference('r1'));
  await sender.sent[0]?.finish(false);
  void waker.wake(key('b'), 'session', reference('r1'));
  await sender.sent[1]?.finish(false);
  await vi.advanceTimersByTimeAsync(300);
  expect(sender.sent.map(({ session }) => session)).toEqual(['a', 'b', 'b']);
});

test('where many signals wait, users take turns', async () => {
  const sent: string[] = [];
  const finish: (() => void)[] = [];
  const waker = new SessionWaker({
    wake: async ({ user }) => {
      sent.push(user);
      const { promise, resolve } = Promise.withResolvers<void>();
      finish.push(resolve);
      await promise;
    },
  });
  const wake = (user: string, session: string) =>
    void waker.wake({ user, session }, 'session', reference(`${user} ${session}`));
  for (let index = 0; index < 500; index += 1) wake('flood', `s${index}`);
  const before = sent.length;
  for (const user of ['bob', 'cid']) wake(user, 'only');
  for (const end of finish.splice(0, 3)) end();
  await vi.advanceTimersByTimeAsync(0);
  expect(before).toBeLessThan(100);
  expect(sent.slice(before)).toEqual(expect.arrayContaining(['bob', 'cid']));
});

test('closing ends the repetition, and waits for the signals on their way', async () => {
  const sender = controlledSender();
  const waker = new SessionWaker(sender);
  void waker.wake(key('failed'), 'session', reference('r1'));
  await sender.sent[0]?.finish(false);
  void waker.wake(key('sent'), 'session', reference('r1'));
  let isClosed = false;
  const closing = waker.close().then(() => (isClosed = true));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(isClosed).toBe(false);
  await sender.sent[1]?.finish(true);
  await closing;
  void waker.wake(key('late'), 'session', reference('r1'));
  expect(sender.sent.map(({ session }) => session)).toEqual(['failed', 'sent']);
  expect(vi.getTimerCount()).toBe(0);
});
