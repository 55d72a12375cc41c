import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { acquireDataLock } from '../../../dev-server/index.ts';
import { identityOf } from '../../../dev-server/process-identity.ts';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { freePort } from '../../support/mcp/free-port.ts';
import { fileServer } from '../../support/mcp/server-settings.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';
import { startObjectStore } from '../../support/object-store.ts';
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

test('doctor checks each provider of the deployment file, and that it lists the models of the agents', async () => {
  const stub = await startStubModelServer(['small']);
  onTestFinished(() => stub.close());
  const locked = await answering(401);
  const folder = await temporaryFolder();
  const config = join(folder, 'perdure.yaml');
  await writeFile(
    config,
    `providers:
  good: { baseUrl: '${stub.baseUrl}' }
  azure: { baseUrl: '${stub.baseUrl}/openai/deployments/{model}' }
  locked: { baseUrl: '${locked}/v1', apiKeyEnv: LOCKED_KEY }
  unset: { baseUrl: '${stub.baseUrl}', apiKeyEnv: UNSET_KEY }
  gone: { baseUrl: 'http://127.0.0.1:9/v1' }
  scripted: { concurrency: 1 }
`,
  );
  const agents = await temporaryFolder();
  await writeFile(join(agents, 'assistant.yaml'), 'name: assistant\nmodel: [good/small, good/large, typo/large]\n');
  const env = {
    PERDURE_CONFIG: config,
    PERDURE_AGENTS: agents,
    PERDURE_DATA: folder,
    LOCKED_KEY: 'canary',
    PERDURE_MODEL: 'good/small',
  };
  const { code, stdout } = await runCli(['doctor', '--json'], env);
  const { findings } = JSON.parse(stdout) as Report;
  const found = Object.fromEntries(
    findings.flatMap(({ check, ...rest }) => (check.startsWith('Provider ') ? [[check, rest]] : [])),
  );
  expect(code).toBe(1);
  expect(Object.keys(found)).toHaveLength(5);
  expect(found).toMatchObject({
    'Provider good': { state: 'note', found: expect.stringContaining('does not list good/large') },
    'Provider azure': { state: 'ok' },
    'Provider locked': { state: 'problem', found: `${locked} returns HTTP 401` },
    'Provider unset': { state: 'problem', found: expect.stringContaining('UNSET_KEY not set') },
    'Provider gone': { state: 'problem', found: 'http://127.0.0.1:9 is unreachable' },
  });
  expect(findings.find(({ check }) => check === 'Model')).toMatchObject({
    state: 'ok',
    found: 'good/small: set by PERDURE_MODEL',
  });
  expect(findings.find(({ check }) => check === 'Models of agents')).toMatchObject({
    state: 'problem',
    found: 'agents name typo/large, whose provider is unknown',
    remedy: expect.stringContaining('openai, openai-responses, local, scripted, good'),
  });
  expect(stdout).not.toContain('canary');
}, 60_000);

test('doctor says what is wrong with a model whose provider is unknown, and with an address of a built-in provider', async () => {
  const folder = await temporaryFolder();
  const config = join(folder, 'perdure.yaml');
  await writeFile(config, 'providers: { openai: { baseUrl: http://127.0.0.1:9/v1 } }\n');
  const modelOf = async (more: Record<string, string>) => {
    const { stdout } = await runCli(['doctor', '--json'], { PERDURE_DATA: folder, ...more });
    return (JSON.parse(stdout) as Report).findings.find(({ check }) => check === 'Model');
  };
  const unknown = await modelOf({ PERDURE_MODEL: 'typo/large' });
  expect(unknown).toMatchObject({ state: 'problem', found: expect.stringContaining('Unknown model "typo/large"') });
  const builtIn = await modelOf({ PERDURE_MODEL: 'scripted/echo', PERDURE_CONFIG: config });
  expect(builtIn).toMatchObject({ state: 'problem', found: expect.stringContaining('built in') });
}, 60_000);

/** What doctor finds of long-term memory with a deployment file. */
async function memoryOf(file: string) {
  const folder = await temporaryFolder();
  const config = join(folder, 'perdure.yaml');
  await writeFile(config, file);
  const env = { PERDURE_DATA: folder, PERDURE_CONFIG: config, PERDURE_MODEL: 'scripted/echo' };
  const { stdout } = await runCli(['doctor', '--json'], env);
  return (JSON.parse(stdout) as Report).findings.find(({ check }) => check === 'Memory');
}

const configured = (baseUrl: string, model = 'acme/embed') =>
  `providers: { acme: { baseUrl: '${baseUrl}' } }\nmemory: { embeddings: { model: ${model} } }\n`;

test('doctor makes a vector of a word with the model of memories, and says what keeps it from that', async () => {
  const stub = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end('{"data":[{"index":0,"embedding":[1,2,3]}]}');
  });
  await new Promise<void>((resolve) => stub.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void stub.close());
  const address = `http://127.0.0.1:${(stub.address() as AddressInfo).port}`;
  const [none, good, away, unknown] = await Promise.all([
    memoryOf(''),
    memoryOf(configured(`${address}/v1`)),
    memoryOf(configured('http://127.0.0.1:9/v1')),
    memoryOf(configured(`${address}/v1`, 'akme/embed')),
  ]);

  expect(none).toMatchObject({ state: 'ok', found: expect.stringContaining('by words only') });
  expect(good).toMatchObject({ state: 'ok', found: 'acme/embed makes vectors of 3 dimensions' });
  expect(away).toMatchObject({ state: 'problem', found: expect.stringContaining('acme/embed makes no vectors') });
  expect(unknown).toMatchObject({ state: 'problem', found: expect.stringContaining('openai, local, acme') });
}, 120_000);

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

test('doctor writes, reads and removes a content in the places of attachments', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'perdure.yaml');
  const find = async (settings: string) => {
    await writeFile(file, `attachments: ${settings}\n`);
    const { stdout } = await runCli(['doctor', '--json'], {
      PERDURE_DATA: folder,
      PERDURE_CONFIG: file,
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'secret',
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    });
    return (JSON.parse(stdout) as Report).findings.find(({ check }) => check === 'Attachments');
  };
  expect(await find('{}')).toMatchObject({ state: 'ok', found: 'in the database' });

  const attachments = join(folder, 'attachments');
  const store = await startObjectStore();
  onTestFinished(() => store.close());
  const bucket = `s3: { bucket: ${store.bucket}, endpoint: "${store.endpoint}" }`;
  expect(await find(`{ store: folder, folder: ${attachments}, ${bucket} }`)).toMatchObject({
    state: 'ok',
    found: `in the folder ${attachments}; also readable in the bucket ${store.bucket} at ${store.endpoint}`,
  });
  expect(await readdir(join(attachments, 'doctor'))).toEqual([]);
  expect(store.requests.map(({ method }) => method)).toEqual(['PUT', 'GET', 'DELETE']);

  await writeFile(join(folder, 'taken'), '');
  expect(await find(`{ store: folder, folder: ${join(folder, 'taken')} }`)).toMatchObject({
    state: 'problem',
    found: expect.stringMatching(/taken" cannot be written \(E\w+\)\. Check attachments\.folder/) as string,
  });
  expect(await find(`{ store: s3, s3: { bucket: other, endpoint: "${store.endpoint}" } }`)).toMatchObject({
    state: 'problem',
    found: expect.stringContaining('Create the bucket') as string,
  });
}, 120_000);
test('doctor connects to the MCP servers of agents, and says what fails', async () => {
  const folder = await temporaryFolder();
  const { command = '', args = [] } = fileServer(folder);
  const template = `name: librarian
tools: [{ mcp: files }, { mcp: broken }, { mcp: away }, { mcp: ghost }]
mcpServers:
  files: { command: ${JSON.stringify(command)}, args: ${JSON.stringify(args)} }
  broken: { command: ${JSON.stringify(command)}, args: [./no-such-server.js] }
  away: { url: 'http://127.0.0.1:${await freePort()}/mcp' }
`;
  await writeFile(join(folder, 'librarian.yaml'), template);
  const env = {
    PERDURE_AGENTS: folder,
    PERDURE_DATA: `${folder}/data`,
    PERDURE_PORT: '0',
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  };
  const { stdout } = await runCli(['doctor', '--json'], env);
  const { findings } = JSON.parse(stdout) as Report;
  const of = (name: string) => findings.find(({ check }) => check === `MCP server ${name}`);
  expect(of('files')).toMatchObject({
    state: 'ok',
    found: expect.stringMatching(/^14 tools, protocol 2025-11-25, in \d+ ms$/),
  });
  expect(of('broken')).toMatchObject({
    state: 'problem',
    found: 'The process of the MCP server "broken" exited with code 1 when it was started.',
    remedy: expect.stringContaining('Cannot find module'),
  });
  expect(of('away')).toMatchObject({
    state: 'problem',
    found: 'The MCP server "away" cannot be reached (ECONNREFUSED).',
    remedy: 'Check its URL, its headers and the network, and that the server is running.',
  });
  expect(of('ghost')).toMatchObject({ state: 'problem', found: 'is used by librarian, but does not exist' });
});
