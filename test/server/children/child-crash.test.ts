import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { call, callJson, eventsOf, pathOf } from '../../support/gateway/http-calls.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { chooseSeed, seededRandom } from '../../support/seeded-random.ts';

const USER = 'ann';
const CRASHES = 3;
const CHILDREN = ['left', 'right'];

/** A run with two children at once, each of which calls a tool that must not act twice, and then another one. */
const MESSAGE = {
  id: 'tree',
  agent: 'leader',
  content: `${CHILDREN.map((name) => `@tool=assistant:${JSON.stringify({ task: taskOf(name) })}`).join(' ')} @then @echo=over`,
};

function taskOf(name: string): string {
  const [act, note] = ['act', 'note_apart'].map(
    (tool) => `@tool=${tool}:${JSON.stringify({ mark: `${name}-${tool}`, ms: 300 })}`,
  );
  return `${act} @then ${note} @then @echo=${name}`;
}

test(
  'a run whose process is killed at random moments has each of its children once, and its own answer once',
  { timeout: 240_000 },
  async () => {
    const random = seededRandom(chooseSeed('child crashes'));
    const home = perdureHome();
    let perdure = await home.start();
    await call({ url: perdure.url, user: USER }, 'POST', pathOf('s', 'messages'), MESSAGE);
    for (let crash = 0; crash < CRASHES; crash++) {
      await delay(random() * 1_500);
      await perdure.kill9();
      perdure = await home.start();
    }
    const caller = { url: perdure.url, user: USER };
    await callJson(caller, 'POST', pathOf('s', 'messages'), MESSAGE, { prefer: 'wait=60' });
    const events = await eventsOf(caller, 's');
    const called = events.flatMap((event) => (event.type === 'tool.called' ? [event.childRunId] : []));
    expect(new Set(called).size).toBe(CHILDREN.length);
    const results = events.flatMap((event) => (event.type === 'tool.completed' ? [event.result] : []));
    expect(results).toHaveLength(CHILDREN.length);
    for (const name of CHILDREN) {
      expect(JSON.stringify(results)).toContain(name);
      const effects = home.effects().filter(({ mark }) => mark === `${name}-act`);
      expect(effects.length).toBeLessThanOrEqual(1);
      const keys = home.effects().flatMap(({ mark, key }) => (mark === `${name}-note_apart` ? [key] : []));
      expect(new Set(keys).size).toBe(1);
    }
    expect(events.filter(({ type }) => type === 'run.completed')).toMatchObject([{ output: 'over' }]);
    await perdure.stop();
  },
);
