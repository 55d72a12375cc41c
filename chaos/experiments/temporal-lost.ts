import { setTimeout as delay } from 'node:timers/promises';
import { conclude } from '../conclude.ts';
import type { Experiment } from '../experiment.ts';
import { startSystem } from '../parts/start-system.ts';
import { Crowd } from '../traffic/crowd.ts';

const AWAY_MS = 5_000;

export const temporalLost: Experiment = {
  name: 'temporal-lost',
  describe: 'Temporal loses its database, its search attributes and its schedules while people talk.',
  async run({ random, seconds, people, say }) {
    await using system = await startSystem();
    const crowd = new Crowd({ gateways: system.gateways, people, random });
    await delay((seconds / 2) * 1_000);
    await system.temporal.kill();
    say(`Temporal is killed after ${crowd.ledger.accepted.length} messages.`);
    await delay(AWAY_MS);
    await system.temporal.restartEmpty();
    say('Temporal is back, and empty.');
    await delay((seconds / 2) * 1_000);
    await crowd.fallSilent();
    return await conclude(system, crowd);
  },
};
