import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { call, callJson, eventsOf, pathOf } from '../../support/gateway/http-calls.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { chooseSeed, seededRandom } from '../../support/seeded-random.ts';

const USER = 'ann';
const CRASHES = 3;

/** Ten calls, each of which depends on the one before. Every second one is of a tool that must not act twice. */
const SOURCE = `
  const seen = [];
  for (let n = 0; n < 10; n++) {
    const tool = n % 2 === 0 ? tools.act : tools.note_apart;
    const outcome = await tool({ mark: 'mark-' + n, ms: 150 }).then(() => 'done', (error) => error.message);
    seen.push(outcome);
  }
  return seen;`;
const MESSAGE = {
  id: 'program',
  agent: 'programmer',
  content: `@tool=run_program:${JSON.stringify({ source: SOURCE })} @then @echo=over`,
};

test(
  'a program whose process is killed at random moments goes on with the results that it had, and repeats no effect',
  { timeout: 240_000 },
  async () => {
    const random = seededRandom(chooseSeed('program crashes'));
    const home = perdureHome();
    let perdure = await home.start();
    await call({ url: perdure.url, user: USER }, 'POST', pathOf('s', 'messages'), MESSAGE);
    for (let crash = 0; crash < CRASHES; crash++) {
      await delay(random() * 2_500);
      await perdure.kill9();
      perdure = await home.start();
    }
    const caller = { url: perdure.url, user: USER };
    await callJson(caller, 'POST', pathOf('s', 'messages'), MESSAGE, { prefer: 'wait=60' });
    const events: PerdureEvent[] = await eventsOf(caller, 's');
    const ended = events.find((event) => event.type === 'tool.completed' && event.tool === 'run_program');
    const seen = ended?.type === 'tool.completed' ? (ended.result as string[]) : [];
    expect(seen).toHaveLength(10);
    const effects = seen.map((_, n) => home.effects().filter(({ mark }) => mark === `mark-${n}`));
    const repeated = effects.filter((of, n) => of.length > (n % 2 === 0 ? 1 : CRASHES + 1));
    const missing = effects.filter((of, n) => seen[n] === 'done' && of.length === 0);
    expect({ repeated, missing }).toEqual({ repeated: [], missing: [] });
    const unknown = seen.filter((outcome) => outcome !== 'done');
    expect(unknown.filter((outcome) => !outcome.startsWith('The outcome of act is unknown'))).toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'over' });
    await perdure.stop();
  },
);
