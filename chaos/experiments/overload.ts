import { setTimeout as delay } from 'node:timers/promises';
import { conclude } from '../conclude.ts';
import type { Experiment } from '../experiment.ts';
import { startSystem } from '../parts/start-system.ts';
import { Crowd } from '../traffic/crowd.ts';
import { answerTo } from '../traffic/script.ts';

/** For each of the people who talk at their own pace, so many send as fast as they get receipts. */
const FLOOD = 10;

export const overload: Experiment = {
  name: 'overload',
  describe: 'Ten times as many people send without a pause, beside people who talk at their own pace.',
  async run({ random, seconds, people, say }) {
    await using system = await startSystem();
    const { gateways } = system;
    const crowd = new Crowd({ gateways, people, random });
    const flood = new Crowd({
      gateways,
      people: people * FLOOD,
      random,
      prefix: 'f',
      thinkMs: () => 0,
      script: (id) => `Go. @echo=${answerTo(id)} @chunks=5 @delay=20`,
    });
    for (let passed = 0; passed < seconds; passed += 10) {
      await delay(Math.min(10, seconds - passed) * 1_000);
      say(
        `${passed + 10} s: ${flood.ledger.accepted.length} messages accepted, ${flood.ledger.sentAgain} refused or failed`,
      );
    }
    await flood.fallSilent();
    await crowd.fallSilent();
    await flood.leave();
    return await conclude(system, crowd, {
      figures: { 'messages of the flood': flood.ledger.accepted.length, 'of these sent again': flood.ledger.sentAgain },
      faults: flood.ledger.faults,
    });
  },
};
