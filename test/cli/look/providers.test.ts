import { expect, test } from 'vitest';
import { providerLimits } from '../../../core/providers/provider-limits.ts';
import { releaseSlot } from '../../../store/admin/providers/release-slot.ts';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { runCli } from '../../support/process/run-cli.ts';

const database = embeddedDatabase();

test('providers says when there is nothing to say', async () => {
  const { env } = await servedGateway(database.db);
  const [shown, json] = await Promise.all([runCli(['providers'], env), runCli(['providers', '--json'], env)]);
  expect(shown).toEqual({
    code: 0,
    stdout: 'No provider has limits, and all have been healthy.\n',
    stderr: '',
  });
  expect(JSON.parse(json.stdout)).toEqual({ data: [], nextCursor: null });
});

test('providers shows limits and circuits as a table and as JSON, and doctor notes the one in trouble', async () => {
  const deployment = {
    providers: { openai: { concurrency: 4, requestsPerMinute: 1_200 }, local: { circuit: { failures: 1 } } },
  };
  const limits = providerLimits(deployment.providers.local);
  const end = { health: 'down', replied: false, tokens: null } as const;
  await releaseSlot(database.db, { provider: 'local', limits, slotId: null, outcome: end });
  const { env } = await servedGateway(database.db, { deployment });
  const [shown, json, doctor] = await Promise.all([
    runCli(['providers'], env),
    runCli(['providers', '--json'], env),
    runCli(['doctor', '--json'], env),
  ]);
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  const [heading, local, openai] = shown.stdout.split('\n');
  expect(heading).toMatch(/^PROVIDER +CIRCUIT +CONCURRENCY +REQUESTS\/MIN +TOKENS\/MIN +IN FLIGHT +WAITING$/);
  expect(local).toMatch(/^local +open since \S+Z, until \S+Z +unlimited +unlimited +unlimited +0 +0$/);
  expect(openai).toMatch(/^openai +closed +4 +1,200 +unlimited +0 +0$/);
  expect(JSON.parse(json.stdout)).toMatchObject({
    data: [
      { provider: 'local', circuit: { state: 'open' } },
      { provider: 'openai', limits: { concurrency: 4 } },
    ],
  });
  const { findings } = JSON.parse(doctor.stdout) as { findings: { check: string; state: string; found: string }[] };
  expect(findings.find(({ check }) => check === 'Providers')).toMatchObject({
    state: 'note',
    found: expect.stringMatching(/^local: circuit open since /),
  });
});
