import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callJson, eventsOf, pathOf, readStream } from '../../support/gateway/http-calls.ts';
import { expectAnsweredOnce, sendUntilAccepted, type AcceptedMessage } from '../../support/process/conversations.ts';
import { callerOf, startDeployment } from '../../support/process/deployment.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { HAS_REDIS, startRedis, type RedisServer } from '../../support/redis/redis-server.ts';

const SESSIONS = Number(process.env['PERDURE_TEST_SESSIONS'] ?? 6);

describe.runIf(HAS_REDIS)('processes with Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis(['--maxmemory', '16mb', '--maxmemory-policy', 'allkeys-lru']);
  });
  afterAll(() => redis.stop());

  test(
    'a late reader at another gateway gets the text of a worker that was killed, and a cancel commits it; a Redis that is killed, emptied and frozen under load loses, doubles and reorders nothing, and is reported',
    { timeout: 180_000 },
    async () => {
      const { home, databaseUrl } = await startDeployment({ env: { REDIS_URL: redis.url } });
      const [gateway, other, worker] = await Promise.all([
        home.start('gateway'),
        home.start('gateway'),
        home.start('worker'),
      ]);
      const content = '@echo=alpha_beta_gamma_delta_epsilon @chunks=20 @delay=700';
      await callJson(callerOf(gateway, 'late'), 'POST', pathOf('late', 'messages'), { content });
      let text = '';
      await readStream(callerOf(gateway, 'late'), 'late', {}, ({ event }) => {
        if (event.type === 'message.delta') text = text.slice(0, event.offset) + event.delta;
        return text.length >= 4;
      });
      await worker.kill9();
      // Nobody is left who could send the text again.
      let late = '';
      await readStream(callerOf(other, 'late'), 'late', {}, ({ event }) => {
        if (event.type === 'message.delta') late = late.slice(0, event.offset) + event.delta;
        return late.length >= text.length;
      });
      expect(late.startsWith(text)).toBe(true);
      // The cancel is executed by a worker that never saw the text.
      const caller = callerOf(other, 'late');
      const [run] = (await eventsOf(caller, 'late')).flatMap((event) =>
        event.type === 'run.started' ? [event.runId] : [],
      );
      const cancelling = callJson(caller, 'POST', pathOf('late', 'runs', run ?? '', 'cancel'), {});
      await Promise.all([home.start('worker'), cancelling]);
      const events = async () => await eventsOf(callerOf(other, 'late'), 'late');
      await expect
        .poll(async () => (await events()).map(({ type }) => type), { timeout: 30_000 })
        .toContain('run.cancelled');
      const found = (await events()).find(({ type }) => type === 'message.completed');
      expect(found).toMatchObject({ partial: true });
      expect(found && 'text' in found && found.text.startsWith(text)).toBe(true);

      const readiness = async () => (await (await fetch(`${gateway.url}/readyz`)).json()) as Record<string, unknown>;
      await expect.poll(readiness, { timeout: 20_000 }).toMatchObject({ status: 'ready', redis: true });
      const accepted: AcceptedMessage[] = [];
      const isOver = new AbortController();
      const talk = async (session: string): Promise<void> => {
        for (let turn = 1; !isOver.signal.aborted || turn <= 3; turn += 1) {
          const id = `${session}-${turn}`;
          const echo = `@echo=${id} @chunks=4 @delay=20`;
          accepted.push(await sendUntilAccepted(() => gateway, session, id, echo, { prefer: 'wait=20' }));
        }
      };
      const talking = Promise.all(Array.from({ length: SESSIONS }, (_, index) => talk(`s${index}`)));
      await delay(300);
      await redis.command('FLUSHALL');
      await delay(300);
      redis.freeze();
      await expect.poll(readiness, { timeout: 10_000 }).toMatchObject({ status: 'ready', redis: false });
      const { stdout } = await runCli(['doctor'], {
        REDIS_URL: redis.url.replace('//', '//ann:s3cret@'),
        DATABASE_URL: databaseUrl,
        PERDURE_URL: gateway.url,
      });
      expect(stdout).toMatch(/^NOTE +Redis: 127\.0\.0\.1:\d+ \(REDIS_URL\) does not respond/m);
      expect(stdout).toMatch(/^NOTE +Gateway: reachable at .+, without its Redis/m);
      expect(stdout).not.toContain('s3cret');
      await delay(300);
      redis.thaw();
      await expect.poll(readiness, { timeout: 15_000 }).toMatchObject({ redis: true });
      await redis.kill();
      await delay(300);
      await redis.restart();
      await expect.poll(readiness, { timeout: 15_000 }).toMatchObject({ redis: true });
      isOver.abort();
      await talking;
      await expectAnsweredOnce(gateway, accepted);
      const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
      expect(metrics).toMatch(/^perdure_redis_up 1$/m);
      expect(metrics).toMatch(/^perdure_redis_outages_total [2-9]$/m);
    },
  );
});
