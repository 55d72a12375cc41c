import { expect, test } from 'vitest';
import { UserRotation } from '../../../core/load/user-rotation.ts';

/** Work that ends when the test ends it. */
function recorded(rotation: UserRotation) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const run = (user: string, name: string): Promise<void> =>
    rotation.run(user, async () => {
      begun.push(name);
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.set(name, resolve);
      await promise;
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    // Until the place has been given on.
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  return { begun, run, end };
}

test('users take turns, however much of one user waits', async () => {
  const { begun, run, end } = recorded(new UserRotation({ atOnce: 1, perUser: 1 }));
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) void run(name.charAt(0), name);
  for (const name of ['a1', 'a2', 'b1', 'c1', 'a3']) await end(name);
  expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
});

test('a place that one user may not take is left to others', async () => {
  const { begun, run, end } = recorded(new UserRotation({ atOnce: 3, perUser: 2 }));
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2']) void run(name.charAt(0), name);
  expect(begun).toEqual(['a1', 'a2', 'b1']);
  await end('b1');
  expect(begun).toEqual(['a1', 'a2', 'b1', 'b2']);
  await end('a1');
  expect(begun.at(-1)).toBe('a3');
});

test('work that fails gives its place on, and its failure to its caller', async () => {
  const rotation = new UserRotation({ atOnce: 1, perUser: 1 });
  const failed = rotation.run('a', () => Promise.reject(new Error('No.')));
  const next = rotation.run('b', async () => 'done');
  await expect(failed).rejects.toThrow('No.');
  expect(await next).toBe('done');
});
