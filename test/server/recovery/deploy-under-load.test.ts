import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { distribution, readStream } from '../../support/gateway/http-calls.ts';
import { askedOf, startStubModelServer } from '../../support/models/stub-model-server.ts';
import { expectAnsweredOnce, sendUntilAccepted, type AcceptedMessage } from '../../support/process/conversations.ts';
import { callerOf, startDeployment } from '../../support/process/deployment.ts';
import { chooseSeed, seededRandom } from '../../support/seeded-random.ts';

/** With model calls of 2.6 s and pauses of 1 s on average, about 10 turns a second. */
const SESSIONS = Number(process.env['PERDURE_TEST_SESSIONS'] ?? 36);
const CALL_MS = { least: 200, most: 5_000 };
const PAUSE_MS = 2_000;
/** Of load before the deploy and between the two stops. */
const SETTLED_MS = 3_000;

test(
  'while workers are replaced one after the other under load, no run is lost, no call of the model is made twice, and every reader goes on',
  { timeout: 180_000 },
  async () => {
    const random = seededRandom(chooseSeed('deploy'));
    const model = await startStubModelServer();
    onTestFinished(() => model.close());
    model.behave((body) => ({
      text: `answer to ${askedOf(body)}`,
      firstDelayMs: CALL_MS.least + random() * (CALL_MS.most - CALL_MS.least),
    }));
    const { home } = await startDeployment({
      env: { PERDURE_MODEL: 'openai/stub-model', OPENAI_API_KEY: 'none', OPENAI_BASE_URL: model.baseUrl },
    });
    const [gateway, ...workers] = await Promise.all([
      home.start('gateway'),
      home.start('worker'),
      home.start('worker'),
    ]);

    const accepted: AcceptedMessage[] = [];
    const over = new AbortController();
    const read = new Map<string, number[]>();
    const converse = async (session: string): Promise<void> => {
      const seqs: number[] = [];
      read.set(session, seqs);
      let reading: Promise<boolean> | null = null;
      let completed = 0;
      for (let n = 0; !over.signal.aborted; n += 1) {
        await delay(random() * PAUSE_MS);
        const message = await sendUntilAccepted(() => gateway, session, `${session}-${n}`, `${session}-${n}`, {
          prefer: 'wait=60',
        });
        accepted.push(message);
        // One connection for the whole conversation.
        reading ??= readStream(callerOf(gateway, session), session, {}, ({ event }) => {
          if ('seq' in event) seqs.push(event.seq);
          if (event.type === 'run.completed') completed += 1;
          return over.signal.aborted && completed > n;
        });
      }
      await sendUntilAccepted(() => gateway, session, `${session}-last`, `${session}-last`, { prefer: 'wait=60' }).then(
        (message) => accepted.push(message),
      );
      expect(await reading).toBe(true);
    };
    const conversations = Promise.all(Array.from({ length: SESSIONS }, (_, n) => converse(`s${n}`)));
    const deploy = async (): Promise<void> => {
      for (const worker of workers) {
        await delay(SETTLED_MS);
        process.kill(worker.pid, 'SIGTERM');
        expect(await worker.ended).toBe(0);
        await home.start('worker');
      }
      await delay(SETTLED_MS);
    };
    await Promise.all([deploy().finally(() => over.abort()), conversations]);

    const events = await expectAnsweredOnce(gateway, accepted, (id) => `answer to ${id}`);
    for (const [session, found] of events) {
      const seqs = read.get(session) ?? [];
      expect({ session, seqs }).toEqual({ session, seqs: found.slice(0, seqs.length).map(({ seq }) => seq) });
    }
    const calls = Map.groupBy(model.requests, ({ body }) => askedOf(body));
    expect([...calls].filter(([, requests]) => requests.length > 1).map(([content]) => content)).toEqual([]);
    expect(calls.size).toBe(accepted.length);
    const waits = accepted.map(({ id, sentAt }) => (calls.get(id)?.[0]?.at ?? Infinity) - sentAt);
    console.log(`${accepted.length} turns, from the message to the call of the model: ${distribution(waits)}`);
  },
);
