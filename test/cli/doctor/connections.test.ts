import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../support/mcp/free-port.ts';
import { fileServer } from '../../support/mcp/server-settings.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';
import { startObjectStore } from '../../support/object-store.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { answering } from './answering.ts';
import type { Report } from './report.ts';

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
  const { code, stdout, stderr } = await runCli(['doctor', '--json'], env);
  expect([code, stderr]).toEqual([1, '']);
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
