import { expect, test } from 'vitest';
import type { Pause } from '../../../contracts/admin/pause.ts';
import { describePause } from '../../../core/pauses/describe-pause.ts';
import { pauseOf, pauseOfRun, refusingPause } from '../../../core/pauses/find-pause.ts';
import { pauseDelayMs } from '../../../core/pauses/pause-delay.ts';
import { parsePauseId, pauseId } from '../../../core/pauses/pause-id.ts';
import { pausedCall, pausedWait } from '../../../core/pauses/paused-wait.ts';

const since = '2026-01-01T00:00:00.000Z';

function pause(id: string, settings: Partial<Pause> = {}): Pause {
  const scope = parsePauseId(id);
  if (scope === null) throw new Error(id);
  return { id, ...scope, refuse: false, stop: false, reason: null, by: 'ops', since, ...settings };
}

test('the id of a pause has its kind and its name, which may contain colons', () => {
  for (const id of ['all', 'agent:support', 'user:a:b']) {
    const scope = parsePauseId(id);
    expect(scope && pauseId(scope)).toBe(id);
  }
  for (const id of ['', 'agent', 'agent:', 'all:x', 'everything', 'session:x']) expect(parsePauseId(id)).toBeNull();
});

test('a pause holds the runs that it covers; one that has begun only if it stops', () => {
  const run = { user: 'ann', agent: 'support', hasBegun: false };
  for (const id of ['all', 'agent:support', 'user:ann']) {
    expect(pauseOfRun([pause(id)], run)?.id).toBe(id);
    expect(pauseOfRun([pause(id)], { ...run, hasBegun: true })).toBeNull();
    expect(pauseOfRun([pause(id, { stop: true })], { ...run, hasBegun: true })?.id).toBe(id);
  }
  for (const id of ['agent:other', 'user:bob', 'tool:support', 'provider:support', 'user:support'])
    expect(pauseOfRun([pause(id)], run)).toBeNull();
});

test('messages are refused by a pause that refuses, of the agent, the user or everything', () => {
  const refuse = { refuse: true };
  expect(refusingPause([pause('all')], 'ann', 'support')).toBeNull();
  expect(refusingPause([pause('all'), pause('user:ann', refuse)], 'ann', 'support')?.id).toBe('user:ann');
  expect(refusingPause([pause('tool:support', refuse)], 'ann', 'support')).toBeNull();
});

test('a run waits for its provider once its model is known; a call of a tool waits unless it fails', () => {
  const run = { user: 'ann', agent: 'support', hasBegun: true, model: 'openai/gpt', since: '2026-01-02T00:00:00.000Z' };
  const pauses = [
    pause('provider:openai', { reason: 'Outage' }),
    pause('tool:pay'),
    pause('tool:look', { refuse: true }),
  ];
  expect(pausedWait(pauses, run)).toEqual({
    what: 'paused',
    since: run.since,
    who: 'an operator, who has paused the provider "openai" (Outage)',
    until: null,
  });
  expect(pausedWait(pauses, { ...run, model: null })).toBeNull();
  expect(pausedCall(pauses, 'pay', '2025-01-01T00:00:00.000Z')).toMatchObject({ since });
  expect(pausedCall(pauses, 'look', since)).toBeNull();
  expect(pauseOf(pauses, 'tool', 'openai')).toBeNull();
});

test('a pause is described with its time and its reason', () => {
  expect(describePause(pause('all'))).toBe(`An operator has paused everything since ${since}.`);
  expect(describePause(pause('tool:pay', { reason: 'Why?' }))).toBe(
    `An operator has paused the tool "pay" since ${since}: Why?`,
  );
});

test('what waits looks again after a tenth of the age of the pause, from 1 to 30 seconds, less up to half', () => {
  const at = Date.parse(since);
  expect(pauseDelayMs({ since }, at, 0)).toBe(1_000);
  expect(pauseDelayMs({ since }, at + 100_000, 0)).toBe(10_000);
  expect(pauseDelayMs({ since }, at + 100_000, 1)).toBe(5_000);
  expect(pauseDelayMs({ since }, at + 86_400_000, 0)).toBe(30_000);
});
