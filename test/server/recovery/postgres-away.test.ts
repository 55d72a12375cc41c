import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { call, distribution, pathOf, readStream } from '../../support/gateway/http-calls.ts';
import { cannotRunHere } from '../../support/cannot-run-here.ts';
import { askedOf, startStubModelServer } from '../../support/models/stub-model-server.ts';
import { expectAnsweredOnce, sendUntilAccepted, type AcceptedMessage } from '../../support/process/conversations.ts';
import { callerOf, startDeployment } from '../../support/process/deployment.ts';
import { startPostgres } from '../../support/store/postgres-server.ts';

const AWAY_MS = 20_000;
const names = (what: string, count: number) => Array.from({ length: count }, (_, n) => `${what}${n}`);
/** Sessions that are served and idle; whose model calls end while the store is away; whose calls outlast that; whose tools end meanwhile; that do not exist. */
const [idle, ending, outlasting, acting, unknown] = ['idle', 'ending', 'outlasting', 'acting', 'new'].map((what) =>
  names(what, 5),
) as [string[], string[], string[], string[], string[]];

test(
  'while PostgreSQL is away for 20 s nothing is accepted; when it is back, gateway, workers, readers and runs go on by themselves, and no call of the model is made again',
  { timeout: 180_000 },
  async ({ skip }) => {
    const postgres = await startPostgres({ durable: true });
    onTestFinished(() => postgres.stop());
    const { outage } = postgres;
    if (!outage) return cannotRunHere(skip, 'the packaged PostgreSQL cannot be started again');
    const model = await startStubModelServer();
    onTestFinished(() => model.close());
    const isAway = Promise.withResolvers<void>();
    const isBack = Promise.withResolvers<void>();
    model.behave((body) => {
      const text = askedOf(body);
      const isAnswer = (body['messages'] as { readonly role: string }[]).at(-1)?.role === 'tool';
      if (text === 'acting' && !isAnswer) {
        return { toolCalls: [{ tool: 'act', arguments: { mark: 'it', ms: 8_000 } }] };
      }
      if (text === 'ending') return { text, hold: () => isAway.promise };
      return text === 'outlasting' ? { text, hold: () => isBack.promise } : { text };
    });
    const { home } = await startDeployment({
      databaseUrl: postgres.url,
      env: { PERDURE_MODEL: 'openai/stub-model', OPENAI_API_KEY: 'none', OPENAI_BASE_URL: model.baseUrl },
    });
    const [gateway, ...workers] = await Promise.all([
      home.start('gateway'),
      home.start('worker'),
      home.start('worker'),
    ]);
    const accepted: AcceptedMessage[] = [];
    const send = async (session: string, id: string, headers: Readonly<Record<string, string>> = {}): Promise<void> => {
      accepted.push(await sendUntilAccepted(() => gateway, session, id, id, headers));
    };
    for (const session of idle) await send(session, 'before', { prefer: 'wait=30' });
    for (const session of ending) await send(session, 'ending');
    for (const session of outlasting) await send(session, 'outlasting');
    for (const session of acting) await send(session, 'acting');
    await model.received(20);
    // In the middle of their tools.
    await expect.poll(() => home.effects().length, { timeout: 20_000 }).toBe(acting.length);
    const reading = await Promise.all(
      [...ending, ...outlasting, ...acting].map(async (session) => {
        const { promise: begun, resolve } = Promise.withResolvers<void>();
        const done = readStream(callerOf(gateway, session), session, {}, ({ event }) => {
          resolve();
          return event.type === 'run.completed';
        });
        await begun;
        return { done };
      }),
    );

    await outage.begin();
    const awayUntil = Date.now() + AWAY_MS;
    isAway.resolve();
    const refusedAfter: number[] = [];
    while (Date.now() < awayUntil) {
      for (const session of [...idle, ...unknown]) {
        const sentAt = Date.now();
        const caller = callerOf(gateway, session);
        const [method, path] = sentAt % 2 === 0 ? ['POST', pathOf(session, 'messages')] : ['GET', pathOf(session)];
        const body = method === 'POST' ? { id: `refused-${sentAt}`, content: 'refused' } : undefined;
        const response = await call(caller, method ?? '', path ?? '', body);
        expect([response.status, await response.json()]).toEqual([
          503,
          expect.objectContaining({ code: 'store_unavailable', detail: expect.stringMatching(/store .*\.$/s) }),
        ]);
        refusedAfter.push(Date.now() - sentAt);
      }
      await delay(200);
    }
    await outage.end();
    isBack.resolve();
    const backAt = Date.now();
    for (const session of [...idle, ...unknown]) await send(session, 'after', { prefer: 'wait=30' });
    const answeredAfter = Date.now() - backAt;
    for (const { done } of reading) expect(await done).toBe(true);
    const events = await expectAnsweredOnce(gateway, accepted);
    expect([...events.values()].flat().filter(({ type }) => type === 'tool.completed')).toHaveLength(acting.length);
    const calls = [...accepted.map(({ id }) => id), ...acting.map(() => 'acting')];
    expect(model.requests.map(({ body }) => askedOf(body)).toSorted()).toEqual(calls.toSorted());
    console.log(
      `While the store was away, from a request to its refusal: ${distribution(refusedAfter)}\n` +
        `10 sessions were answered one after the other within ${answeredAfter} ms of its return`,
    );
    for (const one of [gateway, ...workers]) await one.stop();
  },
);
