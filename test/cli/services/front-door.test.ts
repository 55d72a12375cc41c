import { expect, onTestFinished, test } from 'vitest';
import { runCli, startCli } from '../../support/process/run-cli.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const AGENTS = ['--agents', 'examples/agents'];
const NOWHERE = '127.0.0.1:1';

async function database(): Promise<string> {
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  return url;
}

test('a worker whose Temporal does not respond names its variable, and exits as the help says', async () => {
  const env = { DATABASE_URL: await database(), TEMPORAL_ADDRESS: NOWHERE, PERDURE_MODEL: 'scripted/instant' };
  const { code, stderr } = await runCli(['worker', ...AGENTS], env);
  expect(code).toBe(3);
  expect(stderr).toContain(`Temporal at "${NOWHERE}" does not respond (ECONNREFUSED). Check TEMPORAL_ADDRESS`);
  expect(stderr).not.toContain('tonic');
}, 60_000);

test('a gateway whose Temporal does not respond listens, and says so; one Ctrl-C prints one line', async () => {
  const env = { DATABASE_URL: await database(), TEMPORAL_ADDRESS: NOWHERE, PERDURE_PORT: '0' };
  const gateway = startCli(['gateway', ...AGENTS], env);
  await gateway.shows(`Temporal at ${NOWHERE} does not respond (ECONNREFUSED).`);
  gateway.signal('SIGINT');
  const { code, stdout } = await gateway.done;
  expect(code).toBe(0);
  expect(stdout.match(/^Stopping/gm)).toHaveLength(1);
}, 60_000);

test.each([
  ['mysql://x', 2, 'DATABASE_URL begins with "mysql:"'],
  ['postgres://perdure@127.0.0.1:1/x', 3, 'is not reachable (ECONNREFUSED). Check that it is running'],
])(
  'a gateway with DATABASE_URL=%s exits with %i',
  async (url, exitCode, message) => {
    const { code, stderr } = await runCli(['gateway', ...AGENTS], { DATABASE_URL: url, TEMPORAL_ADDRESS: NOWHERE });
    expect(stderr).toContain(message);
    expect(code).toBe(exitCode);
  },
  60_000,
);

test('keys of the codec that are not keys are an error of the settings, which does not quote them', async () => {
  const env = { DATABASE_URL: await database(), TEMPORAL_ADDRESS: NOWHERE, PERDURE_CODEC_KEY: 'k1:canary' };
  const { code, stderr } = await runCli(['gateway', ...AGENTS], env);
  expect(stderr).toContain('PERDURE_CODEC_KEY: entry 1 is not id:key');
  expect(stderr).not.toContain('canary');
  expect(code).toBe(2);
}, 60_000);

test('a data folder that is a file is an error that names its variable', async () => {
  const { code, stderr } = await runCli(['start', ...AGENTS], {
    PERDURE_DATA: '/dev/null',
    PERDURE_MODEL: 'scripted/instant',
    PERDURE_CONFIG: '',
    PERDURE_CACHE: await temporaryFolder(),
  });
  expect(stderr).toMatch(/data folder \/dev\/null cannot be used .*Set PERDURE_DATA/);
  expect(code).toBe(3);
});
