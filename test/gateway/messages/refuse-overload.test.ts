import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { PerdureError } from '../../../contracts/errors.ts';
import type { WhileRunning } from '../../../contracts/session/message.ts';
import { createRefuseOverload } from '../../../gateway/answers/refuse-overload.ts';
import type { Db } from '../../../store/db/db.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { beginModel, send } from '../../store/conversation.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';

const database = embeddedDatabase();

/** The check at a limit of 10 s, ten runs a second, and so many that wait. */
function checked(waiting: Readonly<Record<string, number>> | null, agentPolicy: { whileRunning?: WhileRunning } = {}) {
  const queries: string[] = [];
  const db: Db = {
    ...database.db,
    query: async (sql, values) => {
      queries.push(sql);
      return await database.db.query(sql, values);
    },
  };
  const telemetry = createTelemetry();
  const estimate = waiting === null ? null : { waiting: new Map(Object.entries(waiting)), perSecond: 10 };
  const refuse = createRefuseOverload({
    db,
    monitor: { estimate: () => estimate, freshEstimate: async () => estimate },
    limitMs: 10_000,
    agents: {
      defaultAgent: 'assistant',
      list: () => [],
      agent: () => ({ hash: 'v1', spec: { name: 'assistant', policy: agentPolicy }, tools: [] }),
    },
    deployment: {},
    telemetry,
  });
  const offer = async (
    message: { id?: string; whileRunning?: WhileRunning; session?: string; user?: string; isNew?: boolean } = {},
  ) => {
    const { id = randomUUID(), whileRunning, session = randomUUID(), user = 'ann', isNew = false } = message;
    const input = { id, content: 'SECRET', ...(whileRunning ? { whileRunning } : {}) };
    try {
      await refuse({ key: { user, session }, input, isNew });
      return null;
    } catch (error) {
      if (!(error instanceof PerdureError)) throw error;
      return error;
    }
  };
  return { offer, queries, telemetry };
}

const FULL = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`user ${index}`, 1]));

test('while runs begin in time a message is let through without a look at the store', async () => {
  const { offer, queries } = checked(null);
  expect(await offer()).toBeNull();
  expect(await checked({ bob: 5 }).offer()).toBeNull();
  expect(queries).toEqual([]);
});

test('a user whose own messages wait gets 429, others are let through; when all wait too long, others get 503', async () => {
  const { offer, queries, telemetry } = checked({ ann: 100, bob: 1 });
  const own = await offer();
  expect(own).toMatchObject({ code: 'rate_limited', retryAfterMs: expect.any(Number) });
  expect(own?.message).toMatch(
    /^You have 100 messages that wait for a worker, so this one would wait for about 10.1 s/,
  );
  expect(await offer({ user: 'bob' })).toBeNull();
  expect(await offer({ user: 'cid' })).toBeNull();
  const others = await checked(FULL).offer();
  expect(others).toMatchObject({ code: 'overloaded', retryAfterMs: expect.any(Number) });
  expect(others?.message).toContain('about 15 s');
  expect(others?.message).toContain('limits.maxEstimatedWaitMs');
  // No session is locked for a message that is refused.
  expect(queries.join()).not.toMatch(/FOR (NO KEY )?(UPDATE|SHARE)|advisory/);
  const { text } = await telemetry.metrics.scrape();
  expect(text).toContain('perdure_gateway_overload_refusals_total{reason="user_share"} 1');
  expect(text).toContain('perdure_messages_total{agent="unknown",outcome="rate_limited"} 1');
});

test('the time to try again is that at which the run could begin in time, and spread', async () => {
  const { offer } = checked(FULL);
  for (let tries = 0; tries < 20; tries += 1) {
    const { retryAfterMs = 0 } = (await offer()) ?? {};
    expect(retryAfterMs).toBeGreaterThanOrEqual(5_000);
    expect(retryAfterMs).toBeLessThanOrEqual(6_667);
  }
});

test('a message that was admitted before is let through', async () => {
  const { offer } = checked(FULL);
  const key = { user: 'ann', session: randomUUID() };
  await send(database.db, key, { id: 'm1', content: 'one' });
  expect(await offer({ session: key.session, id: 'm1' })).toBeNull();
  expect(await offer({ session: key.session, id: 'm2' })).toMatchObject({ code: 'overloaded' });
  expect(await offer({ session: key.session, id: 'm1', user: 'bob' })).toMatchObject({ code: 'overloaded' });
});

test('a message that joins or replaces the running run is let through, by itself or by policy', async () => {
  const { offer } = checked(FULL);
  const key = { user: 'ann', session: randomUUID() };
  const { runId } = await send(database.db, key, { id: 'm1', content: 'one' });
  const { session } = key;
  expect(await offer({ session, whileRunning: 'steer' })).toMatchObject({ code: 'overloaded' });
  await beginModel(database.db, key, runId);
  for (const whileRunning of ['steer', 'interrupt'] as const) {
    expect(await offer({ session, whileRunning })).toBeNull();
    expect(await offer({ session, whileRunning, isNew: true })).toBeNull();
    expect(await checked(FULL, { whileRunning }).offer({ session })).toBeNull();
  }
  for (const whileRunning of ['enqueue', 'reject', undefined] as const) {
    expect(await offer({ session, ...(whileRunning ? { whileRunning } : {}) })).toMatchObject({ code: 'overloaded' });
  }
});
