import { writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { repeatUnlessOk } from '../../../cli/doctor/doctor.ts';
import type { Finding } from '../../../cli/doctor/finding.ts';
import { acquireDataLock } from '../../../dev-server/index.ts';
import { identityOf } from '../../../dev-server/process-identity.ts';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { answering } from './answering.ts';
import type { Report } from './report.ts';

const database = embeddedDatabase();

test('doctor finds problems, each with a remedy, and exits 1', async () => {
  const env = {
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
    PERDURE_DATA: '/dev/null/data',
    PERDURE_PORT: '0',
    PERDURE_AGENTS: 'examples/agents',
  };
  const { code, stdout, stderr } = await runCli(['doctor', '--json'], env);
  const report = JSON.parse(stdout) as Report;
  expect(code).toBe(1);
  expect(report.ok).toBe(false);
  expect(stderr).toBe('');
  const problems = report.findings.filter(({ state }) => state === 'problem');
  expect(problems.map(({ check }) => check)).toEqual(['Temporal', 'Store', 'Model']);
  expect(problems.every(({ remedy }) => remedy !== null)).toBe(true);
});

test('doctor on a machine where all is well says so line by line, and exits 0', async () => {
  const { url } = await servedGateway(database.db);
  const model = await answering(200);
  const folder = await temporaryFolder();
  const env = { PERDURE_URL: url, OPENAI_BASE_URL: `${model}/v1`, PERDURE_DATA: `${folder}/data`, PERDURE_PORT: '0' };
  const { code, stdout, stderr } = await runCli(['doctor', '--agents', 'examples/agents'], env);
  expect([code, stderr]).toEqual([0, '']);
  const lines = stdout.split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^OK {7}Node: version \d+/),
      // That of the gateway of this test.
      'NOTE     Store: in memory: sessions and everything else are lost when the process of the gateway ends',
      `OK       Model: OpenAI-compatible endpoint at ${model}/v1`,
      `OK       Gateway: reachable at ${url}`,
      'OK       Providers: all healthy',
      expect.stringMatching(/^OK {7}Agents: assistant, researcher, tutor, in .*examples\/agents$/),
    ]),
  );
  expect(stdout).not.toContain('PROBLEM');
}, 60_000);

test('doctor says what a key that is refused, a wrong path, a port in use and an unready gateway need', async () => {
  const { url, live } = await servedGateway(database.db);
  live.ready = async () => false;
  const [locked, elsewhere, taken] = await Promise.all([answering(401), answering(404), answering(200)]);
  const folder = await temporaryFolder();
  const find = async (check: string, env: Record<string, string>) => {
    const { code, stdout } = await runCli(['doctor', '--json'], { PERDURE_DATA: folder, ...env });
    const { ok, findings } = JSON.parse(stdout) as Report;
    expect([check, ok, code]).toEqual([check, false, 1]);
    return findings.find((finding) => finding.check === check);
  };
  const [key, path, port, noPort, other, gateway] = await Promise.all([
    find('Model', { OPENAI_BASE_URL: `${locked}/v1`, OPENAI_API_KEY: 'canary-key' }),
    find('Model', { OPENAI_BASE_URL: elsewhere }),
    find('Ports', { PERDURE_PORT: new URL(taken).port }),
    find('Ports', { PERDURE_PORT: '99999' }),
    find('Gateway', { PERDURE_URL: taken }),
    find('Gateway', { PERDURE_URL: url }),
  ]);
  expect(key).toMatchObject({ state: 'problem', remedy: 'Check OPENAI_API_KEY.' });
  expect(path).toMatchObject({ state: 'problem', remedy: expect.stringContaining('usually ending in /v1') });
  expect(port).toMatchObject({
    found: expect.stringContaining('EADDRINUSE'),
    remedy: 'Stop the process that uses it, or set PERDURE_PORT.',
  });
  expect(noPort).toMatchObject({ found: 'PERDURE_PORT is not a port' });
  expect(other).toMatchObject({ state: 'problem', found: `${taken} is not a Perdure gateway` });
  expect(gateway).toMatchObject({ state: 'problem', found: `reachable at ${url}, but it cannot reach: live` });
  expect(JSON.stringify([key, path])).not.toContain('canary');
}, 60_000);

test('doctor never shows the password of a database that does not answer', async () => {
  const env = { DATABASE_URL: 'postgres://perdure:canary-password@127.0.0.1:1/perdure', PERDURE_PORT: '0' };
  const { code, stdout, stderr } = await runCli(['doctor'], env);
  expect(code).toBe(1);
  expect(stdout).toContain('PROBLEM  Store: PostgreSQL at DATABASE_URL is not reachable (ECONNREFUSED)');
  expect(stdout + stderr).not.toContain('canary');
});

test('doctor examines what runs on the data folder, and no server of others', async () => {
  const folder = await temporaryFolder();
  const env = { PERDURE_DATA: folder, TEMPORAL_ADDRESS: '', PERDURE_URL: '', PERDURE_PORT: '' };
  const find = async () => {
    const { stdout } = await runCli(['doctor', '--json'], env);
    const { findings } = JSON.parse(stdout) as Report;
    return (check: string) => findings.find((finding) => finding.check === check);
  };
  const idle = await find();
  expect(idle('Temporal')).toMatchObject({ state: 'note', found: 'not running; `perdure start` starts one' });
  expect(idle('Store')).toMatchObject({ state: 'ok', found: `embedded, in ${folder}` });
  expect(idle('Worker')).toMatchObject({ state: 'note', found: 'unknown without Temporal' });
  const lock = await acquireDataLock(folder);
  onTestFinished(() => lock.release());
  const server = { address: '127.0.0.1:1', uiUrl: null, binary: '/bin/temporal', settings: 'x' };
  lock.recordServer({ ...identityOf(process.pid), ...server });
  lock.recordGateway('http://127.0.0.1:4999');
  const running = await find();
  expect(running('Temporal')).toMatchObject({ state: 'problem', found: expect.stringContaining('127.0.0.1:1 ') });
  expect(running('Ports')).toMatchObject({
    state: 'note',
    found: 'the running gateway listens at http://127.0.0.1:4999, not at http://127.0.0.1:4747',
    remedy: 'Use --url http://127.0.0.1:4999, or set PERDURE_URL.',
  });
}, 60_000);

test.each([
  ['mysql://ada:canary@db/x', 'begins with "mysql:"'],
  ['postgres://ada:canary@db:port/x', 'is not a valid URL'],
])('doctor says what is wrong with the DATABASE_URL %s, without its password', async (url, problem) => {
  const { code, stdout } = await runCli(['doctor'], { DATABASE_URL: url, PERDURE_PORT: '0' });
  expect(code).toBe(1);
  expect(stdout).toContain(problem);
  expect(stdout).not.toContain('canary');
});

test('doctor reads the deployment file, and says where it is wrong', async () => {
  const folder = await temporaryFolder();
  const file = `${folder}/perdure.yaml`;
  const look = async () => {
    const { stdout } = await runCli(['doctor', '--json'], {
      PERDURE_CONFIG: file,
      PERDURE_DATA: folder,
      PERDURE_PORT: '0',
    });
    return (JSON.parse(stdout) as Report).findings.find(({ check }) => check === 'Settings');
  };
  await writeFile(file, 'policy: { maxSteps: 3 }\nbudgets: { monthlyUsd: 5 }\n');
  expect(await look()).toEqual({ check: 'Settings', state: 'ok', found: `${file} sets policy, budgets`, remedy: null });
  await writeFile(file, 'policy: { maxStep: 3 }\n');
  expect(await look()).toMatchObject({ state: 'problem', found: expect.stringContaining('did you mean "maxSteps"?') });
});

test('doctor loads the agents, and says where they are wrong', async () => {
  const folder = await temporaryFolder();
  const look = async () => {
    const { stdout } = await runCli(['doctor', '--json', '--agents', folder], {
      PERDURE_DATA: folder,
      PERDURE_PORT: '0',
    });
    return (JSON.parse(stdout) as Report).findings.find(({ check }) => check === 'Agents');
  };
  expect(await look()).toMatchObject({ state: 'note', found: expect.stringContaining('No agent templates') });
  await writeFile(`${folder}/a.yaml`, 'name: a\ntools: [clok]\n');
  expect(await look()).toMatchObject({ state: 'problem', found: expect.stringContaining('a.yaml:2:9  tools[0]') });
}, 60_000);

test('doctor says of a gateway that asks for a token that it does not know the providers', async () => {
  const { url } = await servedGateway(database.db, { tokens: 's3cret=ada' });
  const { stdout } = await runCli(['doctor'], {
    PERDURE_URL: url,
    PERDURE_DATA: await temporaryFolder(),
    PERDURE_PORT: '0',
  });
  expect(stdout).toMatch(/^NOTE {5}Providers: unknown: .*token/m);
});

const finding = (state: Finding['state']): Finding => ({ check: 'Temporal', state, found: '', remedy: null });

test('a check of a time that has found something is repeated, and its second result counts; others are not', async () => {
  let repeated = 0;
  const again = async () => {
    repeated += 1;
    return [finding('ok'), finding('ok')];
  };
  expect(await repeatUnlessOk([finding('problem')], again)).toEqual([finding('ok'), finding('ok')]);
  expect(await repeatUnlessOk([finding('ok'), finding('note')], again)).toEqual([finding('ok'), finding('ok')]);
  expect(repeated).toBe(2);
  expect(await repeatUnlessOk([finding('ok')], again)).toEqual([finding('ok')]);
  expect(repeated).toBe(2);
});
