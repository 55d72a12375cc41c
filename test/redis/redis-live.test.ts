import { setTimeout } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { LiveMessage } from '../../live/live-channel.ts';
import { channelOf } from '../../live/notify-channel.ts';
import { createPostgresLive } from '../../live/postgres-notify.ts';
import { topicOf } from '../../live/topic.ts';
import { openRedis, type Redis } from '../../redis/open-redis.ts';
import { delta, listenTo } from '../live/listen.ts';
import { liveChannelSuite } from '../live/live-channel.testsuite.ts';
import { HAS_REDIS, requiresRedis, startRedis, type RedisServer } from '../support/redis/redis-server.ts';
import { createPostgresDatabase } from '../support/store/databases.ts';

const key = { user: 'bea', session: 'main' };

test('a server for these tests is installed', ({ skip }) => {
  requiresRedis(skip);
  expect(HAS_REDIS).toBe(true);
});

describe.runIf(HAS_REDIS)('the live channel over Redis', () => {
  let database: Awaited<ReturnType<typeof createPostgresDatabase>>;
  let server: RedisServer;
  beforeAll(async () => {
    [database, server] = await Promise.all([createPostgresDatabase(), startRedis()]);
  }, 120_000);
  afterAll(async () => {
    await server.stop();
    await database.drop();
  });

  const openAway = (redisUrl = server.url) => openRedis({ redisUrl, databaseUrl: database.url });
  const open = async (): Promise<Redis> => {
    const redis = openAway();
    await vi.waitUntil(() => redis.isUsed, { timeout: 10_000 });
    return redis;
  };
  const opened = async (redisUrl?: string): Promise<Redis> => {
    const redis = redisUrl === undefined ? await open() : openAway(redisUrl);
    onTestFinished(() => redis.close());
    return redis;
  };

  liveChannelSuite('Redis between processes', async () => {
    const [sender, receiver] = await Promise.all([open(), open()]);
    const close = async () => {
      await Promise.all([sender.close(), receiver.close()]);
    };
    return { sender: sender.live, receiver: receiver.live, close };
  });

  liveChannelSuite('Redis within a process', async () => {
    const both = await open();
    return { sender: both.live, receiver: both.live, close: () => both.close() };
  });

  liveChannelSuite('PostgreSQL in place of a Redis that is away', async () => {
    const [sender, receiver] = [openAway('redis://127.0.0.1:1'), openAway('redis://127.0.0.1:1')];
    const close = async () => {
      await Promise.all([sender.close(), receiver.close()]);
    };
    return { sender: sender.live, receiver: receiver.live, close };
  });

  liveChannelSuite('a process with Redis to one of an older version', async () => {
    // A process with Redis takes a second to find one without that is started later.
    const receiver = createPostgresLive({ databaseUrl: database.url });
    await vi.waitUntil(() => receiver.ready(), { timeout: 10_000 });
    const sender = await open();
    const close = async () => {
      await Promise.all([sender.close(), receiver.close()]);
    };
    return { sender: sender.live, receiver, close };
  });

  liveChannelSuite('a process of an older version to one with Redis', async () => {
    const receiver = await open();
    const sender = createPostgresLive({ databaseUrl: database.url });
    const close = async () => {
      await Promise.all([sender.close(), receiver.close()]);
    };
    return { sender, receiver: receiver.live, close };
  });

  test('messages arrive once while a process without Redis listens as well', async () => {
    const old = createPostgresLive({ databaseUrl: database.url });
    onTestFinished(() => old.close());
    const [sender, receiver] = await Promise.all([opened(), opened()]);
    const [byOld, byNew] = await Promise.all([listenTo(old, key), listenTo(receiver.live, key)]);
    const sent: LiveMessage[] = Array.from({ length: 20 }, (_, index) => delta('r', index * 2, `${index % 10}.`));
    for (const message of sent) sender.live.publish(key, message);
    const last: LiveMessage = { kind: 'control', runId: 'r', command: 'cancel', reason: 'cancelled' };
    sender.live.publish(key, last);
    sender.live.publish(key, { kind: 'resend-text' });
    await Promise.all([byOld, byNew].map((heard) => heard.until(({ kind }) => kind === 'resend-text')));
    expect(byNew.messages.filter(({ kind }) => kind === 'control')).toEqual([last]);
    expect(byNew.text()).toBe(byOld.text());
  });

  test('with Redis everywhere, nothing is sent over PostgreSQL', async () => {
    const [sender, receiver] = await Promise.all([opened(), opened()]);
    const listening = await listenTo(receiver.live, key);
    const publish = (): void => sender.live.publish(key, { kind: 'resend-text' });
    // Within about a second the sender has found that no process needs copies.
    await expect.poll(() => heardOverNotify(database.url, publish), { timeout: 10_000 }).toBe(0);
    await listening.until(({ kind }) => kind === 'resend-text');
  });

  test('a text so far is read from Redis by a reader that comes late, also when its producer was killed', async () => {
    const [worker, gateway] = [await open(), await opened()];
    worker.live.publish(key, delta('run', 0, 'Once upon '));
    worker.live.publish(key, delta('run', 10, 'a time 😀'));
    const soFar = { runId: 'run', step: 1, attempt: 1, reasoning: '', text: 'Once upon a time 😀' };
    await expect.poll(() => gateway.live.readText?.(key)).toEqual(soFar);
    await worker.close();
    expect(await gateway.live.readText?.(key)).toEqual(soFar);
    // Another user's session of the same name has nothing.
    expect(await gateway.live.readText?.({ user: 'bea:main', session: 'main' })).toBe(null);
  });

  test('a text that is committed or retracted is removed, and one that another worker ends too', async () => {
    const [worker, other] = await Promise.all([opened(), opened()]);
    const at = '2026-01-01T00:00:00.000Z';
    const of = { at, sessionId: 'main', runId: 'run' };
    worker.live.publish(key, delta('run', 0, 'Once'));
    await expect.poll(() => other.live.readText?.(key)).toMatchObject({ text: 'Once' });
    worker.live.publish(key, { kind: 'live', event: { type: 'step.retracted', ...of, step: 1, attempt: 1 } });
    await expect.poll(() => other.live.readText?.(key)).toBe(null);
    worker.live.publish(key, delta('run', 0, 'Twice'));
    await expect.poll(() => other.live.readText?.(key)).toMatchObject({ text: 'Twice' });
    const usage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0 };
    const end = { type: 'run.cancelled', seq: 9, ...of, reason: 'cancelled', steps: 0, usage, costUsd: 0 } as const;
    other.live.publish(key, { kind: 'appended', head: 9, events: [end] });
    await expect.poll(() => worker.live.readText?.(key)).toBe(null);
  });

  test('keys expire, and their expiry slides', async () => {
    const worker = await opened();
    worker.live.publish(key, delta('run', 0, 'Once'));
    await expect.poll(() => server.command('PTTL', 'perdure:bea:main:text')).toBeGreaterThan(7_100_000);
    await server.command('PEXPIRE', 'perdure:bea:main:text', '60000');
    worker.live.publish(key, delta('run', 4, ' more'));
    await expect.poll(() => server.command('PTTL', 'perdure:bea:main:text')).toBeGreaterThan(7_100_000);
  });
});

/** The number of notifications that reach PostgreSQL while `act` publishes. */
async function heardOverNotify(databaseUrl: string, act: () => void): Promise<number> {
  const client = new Client(databaseUrl);
  await client.connect();
  let heard = 0;
  client.on('notification', ({ payload }) => {
    if (payload !== 'last') heard += 1;
  });
  const channel = channelOf(topicOf(key));
  await client.query(`LISTEN ${channel}`);
  act();
  // Sent by another connection later than what the sender has sent by then.
  await setTimeout(100);
  await client.query(`SELECT pg_notify('${channel}', 'last')`);
  await client.end();
  return heard;
}
