import { setTimeout as delay } from 'node:timers/promises';
import { conclude } from '../conclude.ts';
import type { Experiment } from '../experiment.ts';
import { startSystem } from '../parts/start-system.ts';
import { Crowd } from '../traffic/crowd.ts';
import { answerTo, scriptOf } from '../traffic/script.ts';

const BETWEEN_MS = 5_000;

export const roll: Experiment = {
  name: 'roll',
  describe: 'Workers and gateways are replaced in turn, as by a deploy, while calls of 1 to 20 seconds are made.',
  async run({ random, seconds, people, say }) {
    await using system = await startSystem();
    const crowd = new Crowd({ gateways: system.gateways, people, random, script: longScriptOf });
    const faults: string[] = [];
    const until = Date.now() + seconds * 1_000;
    let replaced = 0;
    while (Date.now() < until) {
      await delay(BETWEEN_MS);
      const program = system.programs[replaced % system.programs.length];
      if (!(await program?.stop())) faults.push('not stopped: a process did not end with code 0 after SIGTERM');
      await program?.start();
      replaced += 1;
      say(
        `${replaced} processes replaced, ${crowd.ledger.accepted.length} messages accepted, ${crowd.ledger.endedAt.size} answered`,
      );
    }
    await crowd.fallSilent();
    return await conclude(system, crowd, { figures: { 'processes replaced': replaced }, faults });
  },
};

/** Every fifth call takes 1 to 20 seconds. */
function longScriptOf(id: string, random: () => number): string {
  if (random() >= 0.2) return scriptOf(id, random);
  return `Go. @echo=${answerTo(id)} @chunks=${Math.ceil(1 + random() * 19)} @delay=1000`;
}
