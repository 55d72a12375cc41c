import { expect, test } from 'vitest';
import { seededRandom } from '../../support/seeded-random.ts';
import { SessionModel, type Faults } from './session-model.ts';

const SEEDS = 10_000;
const MESSAGES = 5;

/** Plays one session for each seed. Errors name the seed. */
async function playAll(faults: Faults, check: (model: SessionModel) => void): Promise<void> {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const model = new SessionModel(seededRandom(seed), faults);
    try {
      await model.play(MESSAGES);
      const ids = model.store.runs.map(({ runId }) => runId);
      expect(model.store.ended.toSorted()).toEqual(ids.toSorted());
      check(model);
    } catch (error) {
      throw new Error(`Seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}

test('without faults, each message is answered once, in order, with no help of the upkeep', { timeout: 120_000 }, () =>
  playAll({ workers: false, messages: false }, (model) => {
    expect(model.store.ended).toEqual(model.store.runs.map(({ runId }) => runId));
    expect(model.store.doubled).toBe(0);
  }),
);

test(
  'with lost notifications and wakes, each message is answered once, and no model call is made twice',
  { timeout: 120_000 },
  () =>
    playAll({ workers: false, messages: true }, (model) => {
      expect(new Set(model.store.ended).size).toBe(MESSAGES);
      expect(model.store.doubled).toBe(0);
    }),
);

test(
  'with workers that are killed or frozen, each message is answered once, and no living server is given up',
  { timeout: 120_000 },
  () =>
    playAll({ workers: true, messages: false }, (model) => {
      expect(model.store.ended).toEqual(model.store.runs.map(({ runId }) => runId));
      expect(model.givenUpInVain).toBe(0);
      expect(model.activities.supersededByEarlier).toBe(0);
    }),
);

test('with lost notifications, lost wakes and lost workers, each message is answered once', { timeout: 120_000 }, () =>
  playAll({ workers: true, messages: true }, (model) => {
    expect(new Set(model.store.ended).size).toBe(MESSAGES);
    expect(model.givenUpInVain).toBe(0);
    expect(model.activities.supersededByEarlier).toBe(0);
  }),
);
