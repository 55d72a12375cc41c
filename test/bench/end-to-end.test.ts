import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EndToEndSetting } from '../../bench/end-to-end/end-to-end-benchmark.ts';
import { MESSAGE } from '../../bench/end-to-end/messages.ts';
import { observeBlock } from '../../bench/end-to-end/observe/observe-block.ts';
import { HAS_PROC } from '../../bench/end-to-end/observe/processes.ts';
import { startPeople, type People } from '../../bench/end-to-end/people.ts';
import { startLoopSystem } from '../../bench/end-to-end/systems/compared-systems.ts';
import type { System } from '../../bench/end-to-end/systems/system.ts';

let people: People;
let loop: System;

beforeAll(async () => {
  const setting: EndToEndSetting = { topology: 'embedded', databaseUrl: undefined, size: (_full, quick) => quick };
  people = await startPeople();
  loop = await startLoopSystem(setting, people.providerUrl);
}, 60_000);

afterAll(async () => {
  await loop[Symbol.asyncDispose]();
  await people[Symbol.asyncDispose]();
});

test('the driver measures whole turns over HTTP', async () => {
  const input = { url: loop.url, content: MESSAGE.tool, sessions: 2, warmUpMs: 0, measureMs: 1_000 };
  const { turnsMs } = await people.driver.run('turns', input);
  expect(turnsMs.length).toBeGreaterThan(0);
});

test.runIf(HAS_PROC)('the processor time of a system is read at the marks of a job', async () => {
  const observed = observeBlock(loop);
  const input = { url: loop.url, content: MESSAGE.tool, sessions: 2, warmUpMs: 0, measureMs: 1_000 };
  await people.driver.run('turns', input, (mark) => observed.onMark(mark));
  const { application } = observed.times();
  expect(application?.totalMs).toBeGreaterThan(0);
  expect(application?.threads['main']).toBeGreaterThan(0);
});

test('people read streamed answers to their end, and every message that they sent counts', async () => {
  const answer = { deltas: 5, everyMs: 20 };
  const times = { rampMs: 10, measureMs: 500, graceMs: 20_000 };
  const output = await people.driver.run('conversations', {
    url: loop.url,
    people: 3,
    answer,
    thoughtMs: 50,
    ...times,
  });
  expect(output).toMatchObject({ failures: 0, unanswered: 0 });
  expect(output.answers).toBeGreaterThan(0);
  expect(output.firstTokensMs.length).toBeGreaterThan(0);
  expect(output.gapsMs.length).toBeGreaterThan(0);
});

test('a burst ends when every answer of it has', async () => {
  const input = { url: loop.url, perSecond: 100, seconds: 0.05, answer: { deltas: 3, everyMs: 20 }, graceMs: 20_000 };
  const output = await people.driver.run('burst', input);
  expect(output).toMatchObject({ answers: 5, failures: 0, unanswered: 0 });
  expect(output.drainedMs).toBeLessThan(input.graceMs);
});

test('a server that refuses a message fails the job, with what it returned', async () => {
  const input = { url: `${loop.url}/nowhere`, content: MESSAGE.plain, sessions: 1, warmUpMs: 0, measureMs: 1 };
  await expect(people.driver.run('turns', input)).rejects.toThrow('The server returned 404');
});
