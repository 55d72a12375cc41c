import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { createPerdure } from '../../client/create-perdure.ts';
import { read, ROOT } from '../docs/documents.ts';
import { createPostgresDatabase } from '../support/store/databases.ts';
import { perdureHome } from '../support/process/perdure-process.ts';
import { runCli } from '../support/process/run-cli.ts';
import { testTemporal } from '../support/temporal/temporal-server.ts';

interface Compose {
  readonly services: { readonly gateway: { readonly environment: Readonly<Record<string, string | null>> } };
}

/** The environment of the gateway's container where nothing but passwords is set: names without a value are not there. */
async function environment(): Promise<Record<string, string>> {
  const { services } = parse(read('docker-compose.yml'), { merge: true }) as Compose;
  const given = Object.entries(services.gateway.environment).filter(([, value]) => value !== null);
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  return {
    ...(Object.fromEntries(given) as Record<string, string>),
    DATABASE_URL: url,
    TEMPORAL_ADDRESS: await testTemporal(),
    TEMPORAL_NAMESPACE: 'default',
    PERDURE_CONFIG: join(ROOT, 'deploy/perdure/perdure.yaml'),
    PERDURE_PORT: '0',
    REDIS_URL: '',
  };
}

test('the quick start with compose: the gateway listens on all addresses, and accepts the key that the documented command prints', async () => {
  const env = await environment();
  const [, command = ''] =
    /docker compose run --rm -T gateway (keys create [^)]*)\)/.exec(read('docs/operations.md')) ?? [];
  expect(env['PERDURE_HOST']).toBe('0.0.0.0');
  const gateway = await perdureHome().start('gateway', env);
  const url = `http://127.0.0.1:${new URL(gateway.url).port}`;
  await expect(createPerdure({ gateway: url }).list()).rejects.toMatchObject({ code: 'unauthenticated' });

  const { code, stdout } = await runCli(command.split(' '), env);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^perdure_[0-9A-Za-z]{49}\n$/)]);

  const perdure = createPerdure({ gateway: url, token: stdout.trim() });
  expect(await perdure.list()).toMatchObject({ data: [] });
  // It is an operator's.
  expect(await perdure.erasures()).toMatchObject({ data: [] });
});
