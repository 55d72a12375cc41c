import { expect, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { endsRun } from '../../../contracts/events/event-traits.ts';
import { call, callJson, eventsOf, pathOf } from '../../support/gateway/http-calls.ts';
import { perdureHome, type PerdureHome, type PerdureProcess } from '../../support/process/perdure-process.ts';

const USER = 'ann';

/** A message for which the scripted model calls the tool `careless`, beside one that does nothing wrong. */
const message = (does: string) => ({
  id: does,
  agent: 'negligent',
  content: `@tool=careless:${JSON.stringify({ mark: does, does })} @tool=careless:${JSON.stringify({ mark: 'beside', does: 'nothing' })} @then @echo=over`,
});

const send = (url: string, does: string, wait = 0) =>
  call({ url, user: USER }, 'POST', pathOf('s', 'messages'), message(does), wait > 0 ? { prefer: `wait=${wait}` } : {});

test('a rejected promise and an error in a timer of a tool are logged and counted with its name, and the process continues', async () => {
  const home = perdureHome();
  const perdure = await home.start();
  for (const does of ['rejects', 'throws']) {
    const { answer } = (await (await send(perdure.url, does, 30)).json()) as { answer: string | null };
    expect(answer).toBe('over');
  }
  const logged = perdure.output().match(/Uncaught error of a tool.*tool=careless/g);
  expect(logged).toHaveLength(2);
  expect(perdure.output()).not.toContain('Nothing awaits this promise');
  const metrics = await (await fetch(`${perdure.url}/metrics`)).text();
  expect(metrics).toContain('perdure_uncaught_errors_total{tool="careless"} 2');
  await perdure.stop();
});

test('an uncaught exception of other code is logged, and stops the process in order, with exit code 1', async () => {
  const home = perdureHome();
  const perdure = await home.start();
  process.kill(perdure.pid, 'SIGUSR2');
  expect(await perdure.ended).toBe(1);
  expect(perdure.output()).toMatch(/error: Uncaught error: .*code=uncaughtException/);
  expect(perdure.output()).toContain('The process stopped because of an error that no code caught');
  expect(home.servers()).toEqual([]);
});

test.each(['exits', 'kills'])(
  'a tool call that ends its process (%s) is tried as often as its retry policy allows, and then ends as unknown',
  { timeout: 180_000 },
  async (does) => {
    const home = perdureHome();
    const first = await home.start();
    await send(first.url, does).catch(() => undefined);
    await first.ended;
    const { perdure, events } = await startUntilAnswered(home, does);
    const effects = home.effects().filter(({ mark }) => mark === does);
    const attempts = effects.map(({ attempt }) => attempt);
    if (attempts.length < 3) throw new Error(`Attempts ${attempts.join(', ')}. ${JSON.stringify(events, null, 1)}`);
    expect(attempts).toEqual([1, 2, 3]);
    expect(new Set(effects.map(({ key }) => key)).size).toBe(1);
    const ends = events.filter(({ type }) => type.startsWith('tool.') && type !== 'tool.called');
    expect(ends).toContainEqual(expect.objectContaining({ type: 'tool.unknown', attempts: 3 }));
    expect(ends).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'over' });
    await perdure.stop();
  },
);

/** Starts the process again whenever it ends, until the run is over. */
async function startUntilAnswered(
  home: PerdureHome,
  does: string,
): Promise<{ readonly perdure: PerdureProcess; readonly events: PerdureEvent[] }> {
  for (;;) {
    // A start rejects when the process ends before it is ready.
    const perdure = await home.start().catch(() => null);
    const events = perdure && (await Promise.race([runOver(perdure.url, does), perdure.ended.then(() => null)]));
    if (perdure && events) return { perdure, events };
  }
}

/** The session's events once its run is over; null if the gateway is gone before. */
async function runOver(url: string, does: string): Promise<PerdureEvent[] | null> {
  const caller = { url, user: USER };
  try {
    for (;;) {
      await callJson(caller, 'POST', pathOf('s', 'messages'), message(does), { prefer: 'wait=60' });
      const events = await eventsOf(caller, 's');
      // On a busy machine, the wait may end before the run.
      if (events.some(({ type }) => endsRun(type))) return events;
    }
  } catch {
    return null;
  }
}
