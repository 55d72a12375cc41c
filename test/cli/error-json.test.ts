import { expect, test } from 'vitest';
import { runCli } from '../support/process/run-cli.ts';
import { startFakeService } from './fake-service.ts';

test('with --json a refusal is a line of JSON with its code and facts', async () => {
  const budget = {
    scope: 'month',
    unit: 'usd',
    used: 49,
    reserved: 1,
    limit: 50,
    resetsAt: '2026-12-01T00:00:00.000Z',
  };
  const body = { code: 'budget_exceeded', detail: 'The budget is used up.', budget };
  const { gateway, env } = await startFakeService({ refuse: () => ({ status: 429, body }) });
  const [shown, json] = [await runCli(['send', 'Hi'], env), await runCli(['send', 'Hi', '--json'], env)];
  await gateway.close();
  expect(shown).toEqual({ code: 4, stdout: '', stderr: 'The budget is used up.\n' });
  expect([json.code, json.stdout]).toEqual([4, '']);
  expect(JSON.parse(json.stderr)).toEqual({ error: body });
});

test('with --json a gateway that does not answer, and a file that is not there, are told as JSON too', async () => {
  const away = await runCli(['sessions', '--json', '--url', 'http://127.0.0.1:1']);
  const missing = await runCli(['import', '/nowhere/trip.json', '--json']);
  expect([away.code, missing.code]).toEqual([3, 2]);
  expect(JSON.parse(away.stderr)).toMatchObject({ error: { code: 'unreachable' } });
  expect(JSON.parse(missing.stderr)).toEqual({
    error: { code: 'usage', detail: 'No such file: /nowhere/trip.json' },
  });
});
