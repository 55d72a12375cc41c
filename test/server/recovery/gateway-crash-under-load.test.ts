import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readStream } from '../../support/gateway/http-calls.ts';
import { expectAnsweredOnce, sendUntilAccepted, type AcceptedMessage } from '../../support/process/conversations.ts';
import { callerOf, startDeployment } from '../../support/process/deployment.ts';
import { tcpProxy } from '../../support/process/tcp-proxy.ts';

const ROUNDS = Number(process.env['PERDURE_TEST_ROUNDS'] ?? 2);
/** Senders that do not wait for answers; that wait, and repeat a message when its gateway is dead; that wait, and do nothing more. */
const KINDS = ['hasty', 'repeating', 'waiting'] as const;
const SESSIONS_OF_A_KIND = 8;
/** Messages that a gateway accepts before its signals are held. */
const ACCEPTED = 100;
/** Between two messages of a hasty sender: the worker answers about as many. */
const PAUSE_MS = 200;

test(
  'messages of gateways that are killed under load between admission and wake are answered once and in order, repeated or not',
  // A worker looks for such messages every half minute.
  { timeout: 180_000 + ROUNDS * 30_000 },
  async () => {
    // No session is served when its runs have ended, so that each message that is waited for needs a wake.
    const { home, server } = await startDeployment({ config: 'serving:\n  lingerMs: 0\n' });
    const proxy = await tcpProxy(server.address);
    const [worker, other] = await Promise.all([home.start('worker'), home.start('gateway')]);
    const start = () => home.start('gateway', { TEMPORAL_ADDRESS: proxy.address });
    let killed = await start();
    const accepted: AcceptedMessage[] = [];
    const unanswered = new Set<string>();
    const over = new AbortController();

    const answered = async (session: string, count: number): Promise<void> => {
      let completed = 0;
      await readStream(callerOf(other, session), session, {}, ({ event }) => {
        if (event.type === 'run.completed') completed += 1;
        return completed === count;
      });
    };
    const converse = async (kind: (typeof KINDS)[number], session: string): Promise<void> => {
      let n = 0;
      for (; !over.signal.aborted; n += 1) {
        const gateway = killed;
        const send = (to: () => typeof killed) =>
          sendUntilAccepted(to, session, `${session}-${n}`, `@echo=${session}-${n}`);
        let tries = 0;
        accepted.push(await send(() => (tries++ % 2 === 0 ? gateway : other)));
        if (kind === 'hasty') {
          await delay(PAUSE_MS);
          continue;
        }
        unanswered.add(session);
        if (kind === 'repeating')
          void gateway.ended.then(async () => unanswered.has(session) && (await send(() => other)));
        await answered(session, n + 1);
        unanswered.delete(session);
      }
      await answered(session, n);
    };
    const conversations = Promise.all(
      KINDS.flatMap((kind) => Array.from({ length: SESSIONS_OF_A_KIND }, (_, n) => converse(kind, `${kind}-${n}`))),
    );
    for (let round = 1; round <= ROUNDS; round += 1) {
      const wanted = accepted.length + ACCEPTED;
      await expect.poll(() => accepted.length, { timeout: 60_000, interval: 10 }).toBeGreaterThanOrEqual(wanted);
      proxy.cut();
      await expect.poll(() => unanswered.size, { timeout: 60_000, interval: 10 }).toBe(2 * SESSIONS_OF_A_KIND);
      if (round === ROUNDS) over.abort();
      await killed.kill9();
      proxy.restore();
      if (round < ROUNDS) killed = await start();
    }
    await conversations;
    await expectAnsweredOnce(other, accepted);
    expect(home.calls()).toHaveLength(accepted.length);
    await worker.stop();
  },
);
