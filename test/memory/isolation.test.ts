import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { toolMemories } from '../../activities/tools/tool-memories.ts';
import { createMemories } from '../../memory/create-memories.ts';
import { DATABASES, describeStores } from '../support/store/databases.ts';
import { FakeEmbedder } from './fake-embedder.ts';

describeStores(DATABASES, (db) => {
  describe.each([
    { by: 'pgvector, where the store has it', vectors: true, pgvector: true },
    { by: 'codes', vectors: true, pgvector: false },
    { by: 'full text', vectors: false, pgvector: false },
  ])('searched by $by', ({ vectors, pgvector }) => {
    test('what one user has remembered reaches no other on any path', async () => {
      const memories = createMemories({ db: db(), embedder: vectors ? new FakeEmbedder() : null, pgvector });
      // One name contains the other, and the characters of a pattern.
      const [ada, eve] = [`a%_${randomUUID()}`, `a%_${randomUUID()}x`];
      const canary = `canary-${randomUUID()}`;
      const secret = `Keeps the ${canary} beside the dog`;
      const { memory } = await memories.remember(ada, { content: secret });
      const eves = await memories.remember(eve, { content: 'Has a hound' });
      const tools = toolMemories({ db: db(), memories }, { user: eve, session: 'main' }, 'run-1');
      const seen: unknown[] = [];

      for (const query of [secret, canary, 'the dog', 'which pet', memory.id, ada]) {
        seen.push(await memories.search(eve, query, { limit: 50 }), await tools.search(query, { limit: 50 }));
      }
      seen.push(await memories.list(eve, { limit: 200 }));
      seen.push(await memories.forget(eve, memory.id), await tools.forget(memory.id));
      for (const remember of [
        () => memories.remember(eve, { content: 'A correction', replaces: memory.id }),
        () => tools.remember('A correction', { replaces: memory.id }),
      ]) {
        seen.push(await remember().catch((error: Error) => error.message.replaceAll(memory.id, '')));
      }
      // The same text is new to another user, and forgetting it takes it from that user only.
      const same = await memories.remember(eve, { content: secret });
      expect(same).toMatchObject({ created: true, memory: { source: { session: null } } });
      expect(await memories.forget(eve, same.memory.id)).toBe(1);
      seen.push(await memories.search(eve, canary));
      expect(await memories.forgetAll(eve)).toBe(1);

      expect(JSON.stringify(seen)).not.toContain(canary);
      expect(JSON.stringify(seen)).not.toContain(memory.id);
      expect(JSON.stringify(seen)).toContain(eves.memory.id);
      expect((await memories.search(ada, canary)).data.map(({ id }) => id)).toEqual([memory.id]);
    });
  });
});
