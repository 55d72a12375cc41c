import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { openRedis, type Redis } from '../../redis/open-redis.ts';
import { delta, listenTo } from '../live/listen.ts';
import { tcpProxy } from '../support/process/tcp-proxy.ts';
import { HAS_REDIS, startRedis, type RedisServer } from '../support/redis/redis-server.ts';
import { createPostgresDatabase } from '../support/store/databases.ts';

const key = { user: 'ann', session: 'faults' };
const TEXT_KEY = 'perdure:ann:faults:text';

describe.runIf(HAS_REDIS)('faults of Redis', () => {
  let database: Awaited<ReturnType<typeof createPostgresDatabase>>;
  let server: RedisServer;
  beforeAll(async () => {
    [database, server] = await Promise.all([createPostgresDatabase(), startRedis()]);
  }, 120_000);
  afterAll(async () => {
    await server.stop();
    await database.drop();
  });
  afterEach(() => server.thaw());

  const opened = async (redisUrl = server.url): Promise<Redis> => {
    const redis = openRedis({ redisUrl, databaseUrl: database.url });
    onTestFinished(() => redis.close());
    await vi.waitUntil(() => redis.isUsed, { timeout: 10_000 });
    return redis;
  };
  test('a Redis that is frozen costs one time-out, not one for each read; messages go over PostgreSQL until it responds', async () => {
    const [sender, receiver] = await Promise.all([opened(), opened()]);
    const gaps: number[] = [];
    receiver.live.onGap?.(() => gaps.push(1));
    server.freeze();
    await vi.waitUntil(
      async () => {
        // Reads never reject, and never wait for long.
        expect(await sender.live.readText?.(key)).toBe(null);
        return !sender.isUsed && !receiver.isUsed;
      },
      { timeout: 10_000 },
    );
    let turns = 0;
    // While it is known to be away, nothing waits: many reads fit between two turns of the event loop.
    setImmediate(() => (turns += 1));
    for (let read = 0; read < 100; read += 1) await sender.live.readText?.(key);
    expect(turns).toBe(0);
    await publishUntilHeard(sender, receiver);
    expect(await sender.live.ready()).toBe(true);
    server.thaw();
    await vi.waitUntil(() => sender.isUsed && receiver.isUsed, { timeout: 15_000 });
    expect(gaps.length).toBeGreaterThanOrEqual(2);
    await publishUntilHeard(sender, receiver);
  }, 40_000);

  test('a Redis that is killed and comes back empty has the text again with the next delta', async () => {
    const [worker, gateway] = await Promise.all([opened(), opened()]);
    // What the producer of the text does when it is asked for it.
    const state = { text: 'Once upon ' };
    await worker.live.subscribe(key, ({ kind }) => {
      if (kind !== 'resend-text') return;
      const soFar = { runId: 'run', step: 1, attempt: 1, reasoning: '', text: state.text };
      worker.live.publish(key, { kind: 'soFar', soFar });
    });
    worker.live.publish(key, delta('run', 0, 'Once upon '));
    await expect.poll(() => gateway.live.readText?.(key)).toMatchObject({ text: 'Once upon ' });
    await server.kill();
    await vi.waitUntil(() => !worker.isUsed && !gateway.isUsed, { timeout: 10_000 });
    await publishUntilHeard(worker, gateway);
    await server.restart();
    await vi.waitUntil(() => worker.isUsed && gateway.isUsed, { timeout: 15_000 });
    expect(await gateway.live.readText?.(key)).toBe(null);
    state.text += 'a time';
    worker.live.publish(key, delta('run', 10, 'a time'));
    await expect
      .poll(() => gateway.live.readText?.(key), { timeout: 5_000 })
      .toMatchObject({ text: 'Once upon a time' });

    // Emptied without a break of the connections: noticed by the next append.
    await server.command('FLUSHALL');
    state.text += ', two';
    worker.live.publish(key, delta('run', 16, ', two'));
    expect(await gateway.live.readText?.(key)).toBe(null);
    await expect
      .poll(
        async () => {
          state.text += '.';
          worker.live.publish(key, delta('run', state.text.length - 1, '.'));
          return (await gateway.live.readText?.(key))?.text.startsWith('Once upon a time, two');
        },
        { timeout: 10_000, interval: 100 },
      )
      .toBe(true);
  }, 60_000);

  test('a process whose own network to Redis is cut receives what the others send, and they what it sends', async () => {
    const proxy = await tcpProxy(`127.0.0.1:${server.port}`);
    const [near, cutOff] = await Promise.all([opened(), opened(`redis://${proxy.address}`)]);
    await publishUntilHeard(near, cutOff);
    proxy.cut();
    await vi.waitUntil(() => !cutOff.isUsed, { timeout: 10_000 });
    expect(near.isUsed).toBe(true);
    await publishUntilHeard(near, cutOff);
    await publishUntilHeard(cutOff, near);
    proxy.restore();
    await vi.waitUntil(() => cutOff.isUsed, { timeout: 15_000 });
    await publishUntilHeard(near, cutOff);
  }, 60_000);

  test('a Redis without memory left, which evicts or refuses writes, still carries messages, and gives no part of a text as the whole', async () => {
    for (const policy of ['allkeys-lru', 'noeviction']) {
      const small = await startRedis(['--maxmemory', '3mb', '--maxmemory-policy', policy]);
      onTestFinished(() => small.stop());
      const [worker, gateway] = await Promise.all([opened(small.url), opened(small.url)]);
      const listening = await listenTo(gateway.live, key);
      const text = 'word '.repeat(10_000);
      for (let at = 0; at < text.length; at += 500)
        worker.live.publish(key, delta('run', at, text.slice(at, at + 500)));
      for (let other = 0; other < 40; other += 1) {
        const soFar = { runId: 'r', step: 1, attempt: 1, reasoning: '', text: 'x'.repeat(100_000) };
        worker.live.publish({ user: 'bob', session: `s${other}` }, { kind: 'soFar', soFar });
      }
      worker.live.publish(key, delta('run', text.length, 'end'));
      worker.live.publish(key, { kind: 'served', epoch: 1 });
      await listening.until(({ kind }) => kind === 'served');
      expect(listening.text()).toBe(`${text}end`);
      expect(worker.isUsed).toBe(true);
      const read = await gateway.live.readText?.(key);
      expect(read === null || `${text}end`.startsWith(read?.text ?? '?')).toBe(true);
      await Promise.all([worker.close(), gateway.close()]);
    }
  }, 60_000);

  test('a Redis that became a replica, which refuses writes, is not used until it is a primary', async () => {
    const [worker, gateway] = await Promise.all([opened(), opened()]);
    await server.command('REPLICAOF', '127.0.0.1', '1');
    await expect.poll(() => [worker.isUsed, gateway.isUsed], { timeout: 10_000 }).toEqual([false, false]);
    await publishUntilHeard(worker, gateway);
    await server.command('REPLICAOF', 'NO', 'ONE');
    await expect.poll(() => [worker.isUsed, gateway.isUsed], { timeout: 15_000 }).toEqual([true, true]);
  }, 40_000);

  test('an access list for the prefix is enough, and a wrong password is not in any error', async () => {
    await server.command('ACL', 'SETUSER', 'perdure', ...ACCESS.split(' '));
    const url = `redis://perdure:s3cret@127.0.0.1:${server.port}`;
    const [worker, gateway] = await Promise.all([opened(url), opened(url)]);
    worker.live.publish(key, { kind: 'live', event: retraction });
    await publishUntilHeard(worker, gateway);
    worker.live.publish(key, delta('acl', 0, 'Once'));
    await expect.poll(() => gateway.live.readText?.(key)).toMatchObject({ runId: 'acl', text: 'Once' });
    await expect.poll(() => server.command('PTTL', TEXT_KEY)).toBeGreaterThan(1);
    worker.contexts.save(key, true, () => COPY);
    await expect.poll(() => gateway.contexts.load(key)).toEqual(COPY);
    expect(await worker.live.forget?.(key)).toBe(true);
    expect(await gateway.contexts.load(key)).toBe(null);
    expect(await server.command('ACL', 'LOG')).toEqual([]);
  });
});

/** Publishes until a listener has heard it: what is sent at the moment of a fault may be lost. */
async function publishUntilHeard(from: Redis, to: Redis): Promise<void> {
  const heard = await listenTo(to.live, key);
  const again = setInterval(() => from.live.publish(key, { kind: 'resend-text' }), 20);
  await heard.until(({ kind }) => kind === 'resend-text');
  clearInterval(again);
  heard.close();
}

/** The access list of docs/redis.md. */
const ACCESS =
  'on >s3cret ~perdure:* &perdure:* -@all +ping +select +info +get +getex +set +append +pexpire +del +publish +subscribe +unsubscribe';
const at = '2026-01-01T00:00:00.000Z';
const retraction = { type: 'step.retracted', at, sessionId: 'faults', runId: 'acl', step: 1, attempt: 1 } as const;
const COPY = { createdAt: at, throughAt: at, conversation: { from: 0, throughSeq: 1, background: null, runs: [] } };
