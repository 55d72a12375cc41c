import { array, assert, asyncProperty, constant, constantFrom, nat, oneof, record } from 'fast-check';
import { expect, test } from 'vitest';
import { ContextCache } from '../../../activities/run/conversation/context-cache.ts';
import { contextRecord, parseContextRecord } from '../../../redis/context-record.ts';
import { newKey } from '../../store/conversation.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { PlayedConversation } from './played-conversation.ts';

const which = nat({ max: 5 });
const worker = nat({ max: 1 });
const deed = oneof(
  {
    weight: 8,
    arbitrary: record({ do: constant('send' as const), how: constantFrom('enqueue', 'steer', 'interrupt') }),
  },
  {
    weight: 12,
    arbitrary: record({
      do: constant('step' as const),
      which,
      worker,
      runs: constantFrom(1, 3, 40, 40),
      reply: constantFrom('call', 'answer', 'answer', 'lost'),
    }),
  },
  { weight: 6, arbitrary: record({ do: constantFrom('save' as const, 'replace' as const), worker }) },
  { weight: 1, arbitrary: record({ do: constantFrom('delete' as const, 'back up' as const, 'restore' as const) }) },
);

const database = embeddedDatabase();

test('a new worker with a copy of any age, of a deleted session or of a store before its restoration too, shows a model what the store has', async () => {
  let adopted = 0;
  await assert(
    asyncProperty(array(deed, { minLength: 40, maxLength: 90 }), async (deeds) => {
      const workers = [new ContextCache(), new ContextCache()];
      const talk = new PlayedConversation(database.db, newKey());
      // What Redis has: the last copy that was saved, however old.
      let saved: string | null = null;
      for (const one of deeds) {
        const cache = workers['worker' in one ? one.worker : 0] as ContextCache;
        if (one.do === 'send') await talk.send(one.how);
        else if (one.do === 'step') await talk.step(cache, one.which, one.runs, one.reply, false);
        else if (one.do === 'save') {
          const copy = cache.copyOf(talk.key, 1_000_000);
          if (copy) saved = contextRecord(talk.key, copy);
        } else if (one.do === 'replace') {
          const fresh = new ContextCache();
          const copy = saved === null ? null : parseContextRecord(talk.key, saved);
          if (copy) fresh.adopt(talk.key, copy);
          adopted += copy ? 1 : 0;
          workers[one.worker] = fresh;
        } else if (one.do === 'delete') await talk.delete();
        else if (one.do === 'back up') await talk.backUp();
        else await talk.restore();
      }
      expect(talk.shown).toEqual(talk.inStore);
    }),
    { numRuns: 25 },
  );
  expect(adopted).toBeGreaterThan(20);
}, 120_000);

test('a new worker with the copy of a long session does not read its context from the store', async () => {
  const [before, stranger, successor] = [new ContextCache(), new ContextCache(), new ContextCache()];
  const talk = new PlayedConversation(database.db, newKey());
  for (let turn = 0; turn < 60; turn += 1) {
    await talk.send('enqueue');
    await talk.step(before, 0, 40, 'answer', false);
  }
  const copy = before.copyOf(talk.key, 1_000_000);
  const remembered = talk.remembered;
  await talk.send('enqueue');
  await talk.step(stranger, 0, 40, 'lost', false);
  expect(talk.remembered).toBe(remembered);
  if (copy) successor.adopt(talk.key, copy);
  await talk.step(successor, 0, 40, 'answer', false);
  expect(talk.remembered).toBe(remembered + 1);
  expect(talk.shown).toEqual(talk.inStore);
});
