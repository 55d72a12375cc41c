import { expect, test } from 'vitest';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { callJson, distribution, eventsOf, pathOf, readStream } from '../../support/gateway/http-calls.ts';
import { callerOf, startDeployment, type Deployment } from '../../support/process/deployment.ts';
import type { PerdureProcess } from '../../support/process/perdure-process.ts';
import { historyOf } from '../../support/temporal/raw-temporal.ts';

const SESSIONS = Number(process.env['PERDURE_TEST_SESSIONS'] ?? 100);
/** Seconds of a model call: longer than the messages of all sessions and the start of a worker take. */
const CALL_S = 15 + Math.ceil(SESSIONS / 20);

interface Served extends Deployment {
  readonly gateway: PerdureProcess;
}

async function deployment(): Promise<Served> {
  const all = await startDeployment();
  return { ...all, gateway: await all.home.start('gateway') };
}

/** Sends a message to each of many sessions, and resolves once all of their model calls have begun. */
async function begin({ home, gateway }: Served, sessions: readonly string[], content: string): Promise<void> {
  const before = home.calls().length;
  const left = sessions.values();
  const send = async (): Promise<void> => {
    for (const id of left) {
      const receipt = await callJson<object>(callerOf(gateway, id), 'POST', pathOf(id, 'messages'), { content });
      expect(receipt).toMatchObject({ disposition: 'started' });
    }
  };
  await Promise.all(Array.from({ length: 10 }, send));
  await expect.poll(() => home.calls().length - before, { timeout: 60_000, interval: 50 }).toBe(sessions.length);
}

/** Resolves once every session has ended this many runs. Returns the events of each. */
async function answered({ gateway }: Served, sessions: readonly string[], runs: number) {
  const ended = async (id: string) => {
    const caller = callerOf(gateway, id);
    let completed = 0;
    await readStream(caller, id, {}, ({ event }) => {
      if (event.type === 'run.completed') completed += 1;
      return completed >= runs;
    });
    return await eventsOf(caller, id);
  };
  return await Promise.all(sessions.map(ended));
}

test(
  'the sessions that a killed worker served go on on another one, each once, and each is signalled once',
  { timeout: 240_000 },
  async () => {
    const all = await deployment();
    const { home, temporal } = all;
    const sessions = Array.from({ length: SESSIONS }, (_, n) => `s${n}`);
    const worker = await home.start('worker');
    await begin(all, sessions, `@echo=done @chunks=${CALL_S} @delay=1000`);
    await home.start('worker');
    const killedAt = Date.now();
    await worker.kill9();
    const events = await answered(all, sessions, 1);
    const goOnMs: number[] = [];
    for (const [index, id] of sessions.entries()) {
      const found = events[index] ?? [];
      expect(found.filter(({ type }) => type.startsWith('run.'))).toMatchObject([
        { type: 'run.started' },
        { type: 'run.completed', output: 'done' },
      ]);
      const history = await historyOf(temporal, workflowIdOf({ user: id, session: id }));
      const signals = history.filter(
        (event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'serverLost',
      );
      expect(signals).toHaveLength(1);
      // None waited for the killed worker, which had the workflows in its cache.
      expect(history.filter((event) => event.workflowTaskTimedOutEventAttributes)).toEqual([]);
      goOnMs.push(Number(signals[0]?.eventTime?.seconds ?? 0) * 1_000 - killedAt);
    }
    console.log(
      `${SESSIONS} sessions of a killed worker, from the kill until each was signalled: ${distribution(goOnMs)}`,
    );
  },
);

test(
  'a worker that was frozen until others had taken over its sessions changes nothing when it goes on',
  { timeout: 180_000 },
  async () => {
    const all = await deployment();
    const { home } = all;
    const sessions = Array.from({ length: 10 }, (_, n) => `s${n}`);
    const worker = await home.start('worker');
    await begin(all, sessions, '@echo=done @chunks=5 @delay=1000');
    await home.start('worker');
    process.kill(worker.pid, 'SIGSTOP');
    try {
      await answered(all, sessions, 1);
    } finally {
      process.kill(worker.pid, 'SIGCONT');
    }
    // Both workers run again: the next messages meet the activities of both.
    for (const id of sessions) {
      await callJson(callerOf(all.gateway, id), 'POST', pathOf(id, 'messages'), { content: '@echo=again' });
    }
    for (const events of await answered(all, sessions, 2)) {
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      expect(events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []))).toEqual([
        'done',
        'again',
      ]);
      expect(events.filter(({ type }) => type === 'message.completed')).toHaveLength(2);
    }
  },
);
