import { describe, expect, onTestFinished, test } from 'vitest';
import { callJson, pathOf, readStream } from '../support/gateway/http-calls.ts';
import { callerOf, startDeployment } from '../support/process/deployment.ts';
import type { PerdureProcess } from '../support/process/perdure-process.ts';
import { HAS_REDIS, startRedis } from '../support/redis/redis-server.ts';
import { createAuthority } from '../support/temporal/certificates.ts';

const readiness = async ({ url }: PerdureProcess): Promise<unknown> => (await fetch(`${url}/readyz`)).json();

/** Sends a message to a new session, and resolves with its streamed text. */
async function streamed(gateway: PerdureProcess, session: string): Promise<string> {
  const caller = callerOf(gateway, session);
  const content = '@echo=alpha_beta_gamma @chunks=8 @delay=50';
  await callJson(caller, 'POST', pathOf(session, 'messages'), { content });
  let text = '';
  await readStream(caller, session, {}, ({ event }) => {
    if (event.type === 'message.delta') text = text.slice(0, event.offset) + event.delta;
    return event.type === 'run.completed';
  });
  return text;
}

describe.runIf(HAS_REDIS)('processes with a Redis that accepts TLS only', () => {
  test('those that trust its authority stream over it; one that does not reports the remedy in a sentence, and streams over PostgreSQL', async () => {
    const authority = await createAuthority();
    const certificate = authority.sign('redis', { names: 'IP:127.0.0.1' });
    const redis = await startRedis([], { ...certificate, authority: authority.cert });
    onTestFinished(() => redis.stop());
    const { home } = await startDeployment({ env: { REDIS_URL: redis.url } });
    const trusting = { NODE_EXTRA_CA_CERTS: authority.cert };
    const [gateway, other] = await Promise.all([
      home.start('gateway', trusting),
      home.start('gateway'),
      home.start('worker', trusting),
    ]);
    await expect.poll(() => readiness(gateway), { timeout: 20_000 }).toMatchObject({ status: 'ready', redis: true });
    expect(await streamed(gateway, 'trusted')).toBe('alpha_beta_gamma');
    expect(await redis.command('INFO', 'commandstats')).toMatch(/cmdstat_publish:calls=[1-9]/);

    await other.says(
      /Redis has a certificate of an authority that is not trusted \([A-Z_]+\); PostgreSQL carries .*NODE_EXTRA_CA_CERTS/,
    );
    expect(other.output()).not.toMatch(/^ +at /m);
    expect(await readiness(other)).toMatchObject({ status: 'ready', redis: false });
    expect(await streamed(other, 'untrusted')).toBe('alpha_beta_gamma');
  }, 120_000);
});
