import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheFolder } from '../../../assets/package-files.ts';
import { callJson, pathOf } from '../../support/gateway/http-calls.ts';
import { runCli, startCli } from '../../support/process/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ATTACHMENTS = 'attachments: { store: folder, folder: attachments }\n';

/** Runs `perdure start --memory` in an empty folder, with an empty home and an empty folder for temporary files. */
async function startInMemory() {
  const root = await temporaryFolder();
  const [home, folder, temporary, agents] = ['home', 'folder', 'temporary', 'agents'].map((name) =>
    join(root, name),
  ) as [string, string, string, string];
  for (const path of [home, folder, temporary, agents]) await mkdir(path);
  await writeFile(join(agents, 'assistant.yaml'), 'name: assistant\ntools: [send_note]\n');
  const config = join(root, 'perdure.yaml');
  await writeFile(config, ATTACHMENTS);
  const env = {
    HOME: home,
    TMPDIR: temporary,
    PERDURE_CACHE: cacheFolder(),
    PERDURE_AGENTS: agents,
    PERDURE_CONFIG: config,
    PERDURE_PORT: '0',
    PERDURE_TEMPORAL_PORT: '0',
    PERDURE_MODEL: 'scripted/demo',
    ...(process.env['PERDURE_TEMPORAL_BIN'] ? { PERDURE_TEMPORAL_BIN: process.env['PERDURE_TEMPORAL_BIN'] } : {}),
  };
  const running = startCli(['start', '--memory'], env, folder);
  await running.shows('Ctrl-C stops everything.');
  const addressOf = (name: string) =>
    new RegExp(`^ +${name} +(?:http://)?(\\S+)$`, 'm').exec(running.output())?.[1] ?? '';
  const files = async () => {
    const listed = await Promise.all([home, folder, temporary].map((path) => readdir(path, { recursive: true })));
    return listed.flat();
  };
  return { running, env, folder, files, gateway: `http://${addressOf('gateway')}`, temporal: addressOf('Temporal') };
}

/** Sends a message with an attachment, whose answer calls a tool that writes notes. */
async function talk(url: string): Promise<void> {
  const caller = { url, user: 'ada' };
  const headers = { 'perdure-user': 'ada' };
  const upload = await fetch(`${url}/v1/attachments?name=text.txt`, {
    method: 'POST',
    headers,
    body: 'a text to keep',
  });
  const { id } = (await upload.json()) as { id: string };
  const content = [
    { type: 'text', text: 'Hello @tool=send_note:{"text":"hi"} @then @echo=done' },
    { type: 'file', attachmentId: id },
  ];
  const path = pathOf('s', 'messages');
  const { answer } = await callJson<{ answer: string }>(caller, 'POST', path, { content }, { prefer: 'wait=30' });
  expect(answer).toBe('done');
}

/** Whether something listens at `host:port`. */
async function listens(address: string): Promise<boolean> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const socket = connect(Number(port), hostname);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}

test('in memory, no file is written by the time of Ctrl-C, and the start says that all is lost', async () => {
  const { running, env, files, gateway, temporal } = await startInMemory();
  expect(running.output()).toMatch(/^Everything is in memory: sessions and all other data are lost/);
  expect(running.output()).toContain('Images and files are kept in memory, not in the folder or bucket');
  expect(running.output()).toMatch(/^ +data +in memory; lost when this process ends$/m);
  await talk(gateway);
  expect(await callJson<object>({ url: gateway, user: 'ada' }, 'GET', '/readyz')).toMatchObject({ inMemory: true });
  const { stdout } = await runCli(['doctor'], { ...env, PERDURE_URL: gateway });
  expect(stdout).toContain('NOTE     Store: in memory: sessions and everything else are lost when the process');
  expect(stdout).toContain(`OK       Temporal: in memory, in the process of the gateway at ${gateway}`);
  expect(stdout).toContain('OK       Worker: 1 worker polling');

  expect(await files()).toEqual([]);
  running.signal('SIGINT');
  expect(await running.done).toMatchObject({ code: 0 });
  expect(await files()).toEqual([]);
  expect(await listens(temporal)).toBe(false);
}, 120_000);

test('after kill -9, neither a file nor a Temporal server remains', async () => {
  const { running, files, gateway, temporal } = await startInMemory();
  await talk(gateway);
  expect(await listens(temporal)).toBe(true);
  running.signal('SIGKILL');
  await running.done;
  await expect.poll(() => listens(temporal), { timeout: 10_000 }).toBe(false);
  expect(await files()).toEqual([]);
}, 120_000);

test.each([
  [{ DATABASE_URL: 'postgres://db/x' }, [], 'DATABASE_URL'],
  [{ TEMPORAL_ADDRESS: 'temporal:7233' }, [], 'TEMPORAL_ADDRESS'],
  [{ PERDURE_DATA: 'data' }, [], 'a data folder (--data or PERDURE_DATA)'],
  [{}, ['--data', 'data'], 'a data folder (--data or PERDURE_DATA)'],
  [{ PERDURE_ARCHIVES: 'archives', DATABASE_URL: 'postgres://db/x' }, [], 'DATABASE_URL and PERDURE_ARCHIVES'],
])('--memory is refused beside %o %o', async (env, args, names) => {
  const { code, stdout, stderr } = await runCli(['start', '--memory', ...args], env);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe(
    `--memory keeps everything in this process, and cannot be used with ${names}. Unset that, also in the file .env, or start without --memory.\n`,
  );
});
