import { expect, test } from 'vitest';
import { forgetCopies } from '../../../activities/erasure/forget-copies.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { createInProcessLive } from '../../../live/in-process.ts';

const KEYS = Array.from({ length: 250 }, (_, n) => ({ user: 'ada', session: `s${n}` }));

async function allButOne({ session }: SessionKey): Promise<boolean> {
  return session !== 's120';
}

test('the copies of every session are removed; a channel that keeps none has nothing to remove', async () => {
  const removed: SessionKey[] = [];
  const forget = async (key: SessionKey) => removed.push(key) > 0;
  await forgetCopies({ ...createInProcessLive(), forget }, KEYS);
  expect(removed).toEqual(KEYS);
  await expect(forgetCopies(createInProcessLive(), KEYS)).resolves.toBeUndefined();
});

test('an erasure does not go on while Redis may have copies, and says what to do', async () => {
  await expect(forgetCopies({ ...createInProcessLive(), forget: allButOne }, KEYS)).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringContaining('Check that it is running') as string,
  });
});
