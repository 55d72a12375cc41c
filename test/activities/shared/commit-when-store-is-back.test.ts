import { expect, test } from 'vitest';
import { commitWhenStoreIsBack } from '../../../activities/shared/commit-when-store-is-back.ts';
import { PerdureError } from '../../../contracts/errors.ts';

const AWAY = new PerdureError('store_unavailable', 'The store is away.');

/** A commit that fails as listed, and then succeeds. */
function failing(...errors: readonly Error[]): {
  readonly commit: () => Promise<string>;
  readonly tries: () => number;
} {
  let tries = 0;
  return {
    tries: () => tries,
    commit: async () => {
      const error = errors[tries++];
      if (error) throw error;
      return 'committed';
    },
  };
}

test('a commit is repeated while the store is unavailable', async () => {
  const { commit, tries } = failing(AWAY, AWAY);
  expect(await commitWhenStoreIsBack(new AbortController().signal, commit)).toBe('committed');
  expect(tries()).toBe(3);
});

test('a commit that fails for another reason is not repeated', async () => {
  const refused = new PerdureError('internal', 'The store rejected a statement.');
  const { commit, tries } = failing(AWAY, refused);
  await expect(commitWhenStoreIsBack(new AbortController().signal, commit)).rejects.toBe(refused);
  expect(tries()).toBe(2);
});

test('a commit is tried once more when the activity has to stop, and then fails', async () => {
  const stop = new AbortController();
  const { commit, tries } = failing(AWAY, AWAY, AWAY);
  const committing = commitWhenStoreIsBack(stop.signal, commit);
  stop.abort();
  await expect(committing).rejects.toBe(AWAY);
  expect(tries()).toBeLessThanOrEqual(2);
});
