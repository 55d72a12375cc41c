import { array, assert, asyncProperty, boolean, constant, constantFrom, nat, oneof, record } from 'fast-check';
import { expect, test } from 'vitest';
import { ContextCache } from '../../../activities/run/conversation/context-cache.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { newKey } from '../../store/conversation.ts';
import { PlayedConversation } from './played-conversation.ts';

const which = nat({ max: 5 });
const deed = oneof(
  {
    weight: 9,
    arbitrary: record({
      do: constant('send' as const),
      how: constantFrom('enqueue', 'steer', 'interrupt'),
      isPinned: constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 14,
    arbitrary: record({
      do: constant('step' as const),
      which,
      worker: nat({ max: 2 }),
      runs: constantFrom(0, 1, 2, 3, 40, 40),
      reply: constantFrom('call', 'answer', 'answer', 'lost'),
      atSummary: boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: record({ do: constant('summarise' as const), which, worker: nat({ max: 2 }), isWhole: boolean() }),
  },
  { weight: 2, arbitrary: record({ do: constant('cancel' as const), which }) },
  { weight: 2, arbitrary: record({ do: constant('resume' as const), which }) },
  { weight: 3, arbitrary: record({ do: constantFrom('end', 'delete', 'back up', 'restore') }) },
);

describeStores(DATABASES, (db) => {
  test('a worker that remembers shows a model call what one that reads everything shows it', async () => {
    let [compared, remembered] = [0, 0];
    await assert(
      asyncProperty(array(record({ who: nat({ max: 1 }), deed }), { minLength: 40, maxLength: 120 }), async (deeds) => {
        // Two users with a session of one name, and three workers: one of them can keep next to nothing.
        const workers = [new ContextCache(), new ContextCache(), new ContextCache(3_000)] as const;
        const { session } = newKey();
        const talks = ['ann', 'bob'].map((user) => new PlayedConversation(db(), { user, session }));
        for (const { who, deed: one } of deeds) {
          const talk = talks[who] as PlayedConversation;
          if (one.do === 'send') await talk.send(one.how, one.isPinned);
          else if (one.do === 'step')
            await talk.step(workers[one.worker] as ContextCache, one.which, one.runs, one.reply, one.atSummary);
          else if (one.do === 'summarise')
            await talk.summarise(workers[one.worker] as ContextCache, one.which, one.isWhole);
          else if (one.do === 'cancel') await talk.cancel(one.which);
          else if (one.do === 'resume') await talk.resume(one.which);
          else if (one.do === 'end') await talk.end();
          else if (one.do === 'delete') await talk.delete();
          else if (one.do === 'back up') await talk.backUp();
          else await talk.restore();
        }
        for (const talk of talks) {
          expect(talk.shown).toEqual(talk.inStore);
          compared += talk.shown.length;
          remembered += talk.remembered;
        }
      }),
      { numRuns: 60 },
    );
    expect(compared).toBeGreaterThan(600);
    expect(remembered / compared).toBeGreaterThan(0.2);
  }, 300_000);

  test('the store is not asked for the context of a session that a worker goes on with, nor of a short one', async () => {
    const cache = new ContextCache();
    const conversation = new PlayedConversation(db(), newKey());
    for (let turn = 0; turn < 60; turn += 1) {
      await conversation.send('enqueue');
      await conversation.step(cache, 0, 40, turn % 5 === 0 ? 'call' : 'answer');
      if (turn % 5 === 0) {
        await conversation.step(cache, 0, 40, 'answer');
        await conversation.step(cache, 0, 40, 'answer');
      }
    }
    expect([conversation.shown.length, conversation.remembered]).toEqual([72, 72]);

    const stranger = new ContextCache();
    await conversation.send('enqueue');
    await conversation.step(stranger, 0, 40, 'lost');
    await conversation.step(stranger, 0, 40, 'answer');
    expect([conversation.shown.length, conversation.remembered]).toEqual([74, 73]);
    expect(conversation.shown).toEqual(conversation.inStore);
  });

  test('a model call after a restore is shown what the store holds, also where the numbers of events were assigned again', async () => {
    const [worker, another] = [new ContextCache(), new ContextCache()];
    const conversation = new PlayedConversation(db(), newKey());
    const turn = async (cache: ContextCache) => {
      await conversation.send('enqueue');
      await conversation.step(cache, 0, 40, 'answer');
    };
    await turn(worker);
    await conversation.backUp();
    await turn(worker);
    await conversation.restore();
    await turn(another);
    await turn(worker);
    await turn(worker);

    expect(conversation.shown).toEqual(conversation.inStore);
    // Its first call after the restore reads the store; the one after that need not.
    expect([conversation.shown.length, conversation.remembered]).toEqual([5, 4]);
  });

  test('what a worker keeps is bounded, and what was used last is kept', async () => {
    const cache = new ContextCache(20_000);
    const [first, ...others] = Array.from({ length: 12 }, () => new PlayedConversation(db(), newKey()));
    for (const conversation of [first, ...others, first]) {
      await conversation?.send('enqueue');
      await conversation?.step(cache, 0, 40, 'answer');
      expect(cache.bytes).toBeLessThanOrEqual(20_000);
    }
    expect(cache.known(others.at(-1)?.key as SessionKey)).not.toBeNull();
    expect(cache.known(others[0]?.key as SessionKey)).toBeNull();
  });
});
