import { expect, test } from 'vitest';
import { findItem } from '../../../cli/inbox/find-item.ts';
import type { CommandDeps } from '../../../cli/shared/command-deps.ts';

const client = {
  inbox: async () => ({ data: [], nextCursor: null }),
} as unknown as CommandDeps['client'];

test('a part of an id that is too short is a sentence with the remedy, without a request', async () => {
  const find = findItem({ client: null as never, of: undefined }, 'nope', 'approval');
  await expect(find).rejects.toThrow(
    '"nope" is too short to be part of the id of an item: use at least 6 characters. `perdure inbox` lists the items.',
  );
});

test('an id that no item has is a sentence with the remedy', async () => {
  const find = findItem({ client, of: undefined }, 'inb_absent', 'client');
  await expect(find).rejects.toThrow('There is no client call "inb_absent". `perdure inbox` lists what waits');
});
