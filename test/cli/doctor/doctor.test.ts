import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

interface Report {
  readonly ok: boolean;
  readonly findings: {
    readonly check: string;
    readonly state: string;
    readonly found: string;
    readonly remedy: string | null;
  }[];
}

const database = embeddedDatabase();

/** Starts a server that responds to every request with this status. */
async function answering(status: number): Promise<string> {
  const server: Server = createServer((_request, response) => response.writeHead(status).end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

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
      `OK       Store: embedded, in ${folder}/data`,
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
  expect(stdout).toContain('PROBLEM  Store: PostgreSQL at DATABASE_URL is unreachable (ECONNREFUSED)');
  expect(stdout + stderr).not.toContain('canary');
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
