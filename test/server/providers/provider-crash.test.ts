import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { SessionSnapshot } from '../../../contracts/session/session.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { callJson, pathOf, readStream, type Caller } from '../../support/gateway/http-calls.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

test(
  'the slot of a call whose worker is killed is freed, not before its time, and its run and others go on',
  {
    timeout: 150_000,
  },
  async () => {
    const { url, drop } = await createPostgresDatabase();
    onTestFinished(drop);
    const temporal = await privateTemporal();
    onTestFinished(() => temporal.stop());
    const folder = mkdtempSync(join(tmpdir(), 'perdure-config-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const config = join(folder, 'perdure.yaml');
    writeFileSync(config, 'providers:\n  scripted: { concurrency: 1 }\n');
    const home = perdureHome({ DATABASE_URL: url, TEMPORAL_ADDRESS: temporal.address, PERDURE_CONFIG: config });
    const gateway = await home.start('gateway');
    const killed = await home.start('worker');
    const ann: Caller = { url: gateway.url, user: 'ann' };
    const send = (session: string, content: string) =>
      callJson(ann, 'POST', pathOf(session, 'messages'), { content, agent: 'assistant' });

    // Long enough that it still streams when the second worker is ready.
    await send('long', 'Count. @mark=long @chunks=150 @delay=100 @echo=long');
    await readStream(ann, 'long', {}, ({ event }) => event.type === 'message.delta');
    const worker = await home.start('worker');
    await send('short', 'Go. @mark=short @echo=short');
    await expect
      .poll(async () => (await callJson<SessionSnapshot>(ann, 'GET', pathOf('short'))).waitingFor, { timeout: 20_000 })
      .toMatchObject({ what: 'rate_limit', who: 'the provider scripted' });
    const killedAt = Date.now();
    await killed.kill9();
    const ends = await Promise.all(
      ['long', 'short'].map(async (session) => {
        let output = '';
        await readStream(ann, session, {}, ({ event }) => {
          if (event.type === 'run.completed') output = event.output;
          return event.type === 'run.completed' || event.type === 'run.failed';
        });
        return output;
      }),
    );
    expect(ends).toEqual(['long', 'short']);
    const [first, ...later] = home.calls();
    expect(first).toMatchObject({ mark: 'long', pid: killed.pid });
    expect(new Set(later.map(({ mark }) => mark))).toEqual(new Set(['long', 'short']));
    expect(later.map(({ pid }) => pid)).toEqual([worker.pid, worker.pid]);
    // The slot was renewed at most 2.5 s before the kill, and expires 10 s after that.
    const backMs = Math.min(...later.map(({ at }) => Date.parse(at))) - killedAt;
    expect(backMs).toBeGreaterThan(7_000);
    console.log(`The slot of a killed worker's call was acquired again ${backMs} ms after the kill.`);
    await worker.stop();
    await gateway.stop();
  },
);
