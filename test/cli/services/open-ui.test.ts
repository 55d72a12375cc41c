import { expect, onTestFinished, test } from 'vitest';
import { acquireDataLock } from '../../../dev-server/index.ts';
import { identityOf } from '../../../dev-server/process-identity.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { startFakeService } from '../fake-service.ts';

/** A fake service as `perdure start` leaves it: with the addresses of its servers in the data folder. */
async function startedWith(uiUrl: string | null): Promise<Record<string, string>> {
  const { gateway, env } = await startFakeService();
  const folder = await temporaryFolder();
  const lock = await acquireDataLock(folder);
  onTestFinished(async () => {
    lock.release();
    await gateway.close();
  });
  const server = { address: '127.0.0.1:1', binary: '/bin/temporal', settings: 'x' };
  lock.recordServer({ ...identityOf(process.pid), ...server, uiUrl });
  lock.recordGateway(gateway.url);
  return { ...env, PERDURE_DATA: folder };
}

const UI = 'http://127.0.0.1:8233/namespaces/default/workflows';

test('open prints the address of a session in the Temporal UI of the running start', async () => {
  const env = await startedWith('http://127.0.0.1:8233');
  expect(await runCli(['open', 'main'], env)).toEqual({ code: 0, stdout: `${UI}/local%3Amain\n`, stderr: '' });
  expect((await runCli(['open', '--json'], env)).stdout).toBe(`${JSON.stringify({ url: UI }, null, 2)}\n`);
  expect(await runCli(['open', 'other'], env)).toMatchObject({
    code: 4,
    stderr: 'No session or run "other". List them with: perdure sessions, perdure runs\n',
  });
}, 60_000);

test('open explains how to turn the Temporal UI on, and how to name one elsewhere', async () => {
  const env = await startedWith(null);
  const off = await runCli(['open', 'main'], env);
  expect(off.stderr).toBe('The Temporal UI is off. Stop `perdure start`, and run it with: perdure start --ui\n');
  expect(off.code).toBe(4);
  const elsewhere = { ...env, PERDURE_DATA: await temporaryFolder() };
  const unknown = await runCli(['open', 'main'], elsewhere);
  expect(unknown.stderr).toContain('or set PERDURE_TEMPORAL_UI_URL.');
  expect(unknown.code).toBe(2);
  const named = { ...elsewhere, PERDURE_TEMPORAL_UI_URL: 'https://ui.example/x/', TEMPORAL_NAMESPACE: 'a.b' };
  expect((await runCli(['open', 'main'], named)).stdout).toBe(
    'https://ui.example/x/namespaces/a.b/workflows/local%3Amain\n',
  );
}, 60_000);
