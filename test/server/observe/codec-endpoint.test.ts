import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { perdureHome, type PerdureProcess } from '../../support/process/perdure-process.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { privateTemporal, temporalBinary } from '../../support/temporal/temporal-server.ts';

const KEY = `k1:${randomBytes(32).toString('base64')}`;
const OTHER = `k2:${randomBytes(32).toString('base64')}`;
const SEND = [
  'workflow',
  'execute-update-with-start',
  '--type=agentSession',
  '--task-queue=perdure',
  '--workflow-id=ada:trip',
  '--id-conflict-policy=UseExisting',
  '--update-name=submitMessage',
];

const through = ({ url: base }: PerdureProcess, token: string) => [
  `--codec-endpoint=${base}/v1/codec`,
  `--codec-auth=Bearer ${token}`,
];

/** The payloads of a history as text. */
const plain = (json: string) =>
  json.replaceAll(/"data": *"([A-Za-z0-9+/=]+)"/g, (_, data: string) => Buffer.from(data, 'base64').toString());

let binary: string;
beforeAll(async () => {
  binary = await temporalBinary();
});

test('Temporal’s CLI shows an encrypted session and sends to it through the gateway, and without it sees nothing', async () => {
  await using temporal = await privateTemporal();
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  const home = perdureHome({
    TEMPORAL_ADDRESS: temporal.address,
    DATABASE_URL: url,
    PERDURE_TOKENS: 'op-token=olga,ada-token=ada',
    PERDURE_OPERATORS: 'olga',
  });
  const [perdure, gateway] = await Promise.all([
    home.start('start', { PERDURE_CODEC_KEY: KEY }),
    home.start('gateway', { PERDURE_CODEC_KEY: OTHER }),
  ]);
  const temporalCli = async (args: readonly string[]): Promise<{ readonly out: string; readonly failed: boolean }> => {
    const env = { PATH: process.env['PATH'], HOME: home.dataDir };
    const options = ['--address', temporal.address, '--color=never'];
    return await promisify(execFile)(binary, [...args, ...options], { env }).then(
      ({ stdout }) => ({ out: stdout, failed: false }),
      (error: { stdout: string; stderr: string }) => ({ out: `${error.stdout}${error.stderr}`, failed: true }),
    );
  };
  const operator = through(perdure, 'op-token');
  const show = (...more: string[]) =>
    temporalCli(['workflow', 'show', '--workflow-id=ada:trip', '--output=json', ...more]);
  const receipt = await temporalCli([
    ...SEND,
    '--update-input={"id":"m1","content":"CANARY-MESSAGE"}',
    '--output=json',
    ...operator,
  ]);
  expect(receipt.out).toMatch(/"messageId": *"m1"/);

  const [readable, encrypted] = [await show(...operator), await show()];
  expect(plain(readable.out)).toContain('CANARY-MESSAGE');
  expect(encrypted.failed).toBe(false);
  expect(plain(encrypted.out)).not.toContain('CANARY-MESSAGE');

  // Failures are encoded too; the CLI's own SDK takes the message from the decoded payload.
  const refused = [...SEND, '--update-input={"id":"m2","content":"hi","agent":"no-such-agent"}'];
  expect((await temporalCli([...refused, ...operator])).out).toContain('no-such-agent');
  expect(plain((await show()).out)).not.toContain('no-such-agent');
  expect((await temporalCli(refused)).out).toContain('Encoded failure');

  // A caller who may not. The CLI repeats what fails.
  const user = await show(...through(perdure, 'ada-token'), '--command-timeout=3s');
  expect(user.failed).toBe(true);
  expect(plain(user.out)).not.toContain('CANARY-MESSAGE');

  // A gateway that has another key: every payload as it was, with a reason.
  const unknown = await show(...through(gateway, 'op-token'));
  expect(unknown.failed).toBe(false);
  expect(plain(unknown.out)).not.toContain('CANARY-MESSAGE');
  const reason = Buffer.from('The payload is encrypted with the key "k1" and cannot be decrypted.').toString('base64');
  expect(unknown.out).toContain(reason.slice(0, 80));
}, 120_000);
