import { expect, test } from 'vitest';
import { ByteSemaphore } from '../../../core/load/byte-semaphore.ts';

const never = new AbortController().signal;

/** The names of the tasks that hold their bytes, in the order in which they got them. */
function tasks(maxBytes: number) {
  const semaphore = new ByteSemaphore(maxBytes);
  const holding: string[] = [];
  const take = (name: string, bytes: number, signal = never) =>
    semaphore.acquire(bytes, signal).then((held) => {
      holding.push(name);
      return held;
    });
  return { holding, take };
}

test('tasks that fit hold their bytes at once, and the others in the order in which they came', async () => {
  const { holding, take } = tasks(10);
  const [a, b] = await Promise.all([take('a', 4), take('b', 6)]);
  const large = take('large', 8);
  const small = take('small', 1);
  b[Symbol.dispose]();
  await Promise.resolve();
  expect(holding).toEqual(['a', 'b']);
  a[Symbol.dispose]();
  await Promise.all([large, small]);
  expect(holding).toEqual(['a', 'b', 'large', 'small']);
});

test('a task that wants more than the bound runs alone', async () => {
  const { holding, take } = tasks(10);
  const all = await take('all', 99);
  const next = take('next', 1);
  expect(holding).toEqual(['all']);
  all[Symbol.dispose]();
  await next;
  expect(holding).toEqual(['all', 'next']);
});

test('a task that is stopped while it waits makes room for the next one', async () => {
  const { holding, take } = tasks(10);
  const first = await take('first', 6);
  const stop = new AbortController();
  const large = take('large', 10, stop.signal);
  const small = take('small', 4);
  stop.abort(new Error('stopped'));
  await expect(large).rejects.toThrow('stopped');
  await small;
  expect(holding).toEqual(['first', 'small']);
  first[Symbol.dispose]();
  await expect(take('late', 1, stop.signal)).rejects.toThrow('stopped');
});
