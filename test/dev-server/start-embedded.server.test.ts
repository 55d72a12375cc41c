import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startEmbedded, type Embedded, type EmbeddedOptions } from '../../dev-server/index.ts';
import { findTemporalServers } from '../../dev-server/find-temporal-servers.ts';
import { identityOf, isRunning, sendSignal, type ProcessIdentity } from '../../dev-server/process-identity.ts';
import { anyPort, listensOn } from '../../dev-server/ports.ts';
import { adoptTemporal } from '../../dev-server/temporal-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startOwner } from './start-owner.ts';
import { clientOf } from './temporal-client.ts';

test('a second process is refused while the first runs, and starts when it has stopped', async () => {
  const folder = await temporaryFolder();
  const first = await embedded(folder);
  const refused = await startOwner('embedded', folder, await anyPort());
  expect(refused.outcome).toMatchObject({ owns: false, name: 'DataFolderInUseError' });
  await first.stop();
  const second = await startOwner('embedded', folder, await anyPort());
  expect(second.outcome).toMatchObject({ owns: true, notes: [] });
});

test('the server of a killed owner is adopted: same process, same address, and it is kept running', async () => {
  const { folder, orphan, address } = await orphaned();
  await (await clientOf(address)).workflow.start('nobody', { workflowId: 'kept', taskQueue: 'none' });
  const next = await embedded(folder);
  expect(next).toMatchObject({
    address,
    notes: [expect.stringContaining(`Adopted Temporal server ${orphan.pid}`)],
  });
  expect(next.server.pid).toBe(orphan.pid);
  const back = Promise.withResolvers<void>();
  next.onEvent(({ kind }) => kind === 'restarted' && back.resolve());
  sendSignal(orphan.pid, 'SIGKILL');
  await back.promise;
  const workflow = await (await clientOf(address)).workflow.getHandle('kept').describe();
  expect(workflow.status.name).toBe('RUNNING');
  await next.stop();
  expect(isRunning(identityOf(next.server.pid))).toBe(false);
});

test('servers that are started at the same time get ports of their own', async () => {
  const folders = await Promise.all(Array.from({ length: 3 }, temporaryFolder));
  const all = await Promise.all(folders.map((folder) => embedded(folder, { ports: {} })));
  expect(new Set(all.map(({ address }) => address)).size).toBe(3);
  for (const { server, address } of all) expect(listensOn(server.pid, Number(address.split(':')[1]))).not.toBe(false);
});

test('an orphan that was started with other settings is ended and replaced', async () => {
  const { folder, orphan } = await orphaned();
  const next = await embedded(folder, { dynamicConfig: { 'history.maxInFlightUpdates': 7 } });
  expect(next.notes).toEqual([expect.stringContaining(`Ended Temporal server ${orphan.pid}`)]);
  expect(isRunning(orphan)).toBe(false);
});

test('an orphan that does not respond is ended and replaced', async () => {
  const { folder, orphan } = await orphaned();
  sendSignal(orphan.pid, 'SIGSTOP');
  const next = await embedded(folder);
  expect(next.server.pid).not.toBe(orphan.pid);
  expect(isRunning(orphan)).toBe(false);
});

test('an orphan that no lock records is ended before its files are opened', async (ctx) => {
  if (process.platform === 'win32') ctx.skip('Windows does not tell the arguments of a process');
  const { folder, orphan } = await orphaned();
  await rm(join(folder, 'lock'));
  const next = await embedded(folder);
  expect(next.notes).toEqual([expect.stringContaining(`Ended Temporal server ${orphan.pid}`)]);
  expect(isRunning(orphan)).toBe(false);
});

test('an owner that exits without stopping takes its server with it', async () => {
  const folder = await temporaryFolder();
  const owner = await startOwner('embedded', folder, await anyPort());
  const server = identityOf(owner.outcome.serverPid ?? 0);
  expect(isRunning(server)).toBe(true);
  await owner.kill('SIGTERM');
  await adoptTemporal(server).exited;
  expect(isRunning(server)).toBe(false);
});

test('a folder keeps its ports; those that another program uses are replaced, with notes, and the new ones are kept', async () => {
  const folder = await temporaryFolder();
  const [temporal, ui] = [await portInUse(), await portInUse()];
  await writeFile(join(folder, 'ports.json'), JSON.stringify({ temporal, ui }));
  const first = await embedded(folder, { ports: { ui: true } });
  expect(first.address).not.toBe(`127.0.0.1:${temporal}`);
  expect(first.notes).toEqual([
    `Port ${temporal} is in use; Temporal listens on ${first.address.split(':')[1]} from now on.`,
    `Port ${ui} is in use; the Temporal UI listens on ${new URL(first.uiUrl ?? '').port} from now on.`,
  ]);
  expect((await fetch(first.uiUrl ?? '')).status).toBe(200);
  await first.stop();
  const second = await embedded(folder, { ports: { ui: true } });
  expect(second).toMatchObject({ address: first.address, uiUrl: first.uiUrl, notes: [] });
});

test.for([
  ['temporal', 'PERDURE_TEMPORAL_PORT'],
  ['ui', 'PERDURE_TEMPORAL_UI_PORT'],
])('a requested port (%s) that is in use is an error that names its variable', async ([which, variable]) => {
  const port = await portInUse();
  const start = embedded(await temporaryFolder(), { ports: { temporal: 0, [which ?? '']: port } });
  await expect(start).rejects.toThrow(new RegExp(`port ${port}, which is in use.*${variable}`));
});

test('without a request there is no UI, and no HTTP port of the server reveals anything to a page of another name', async (ctx) => {
  if (process.platform !== 'linux') ctx.skip('lists the ports of a process by /proc');
  const running = await embedded(await temporaryFolder());
  expect(running.uiUrl).toBeNull();
  const answers = await Promise.all(listeningPorts(running.server.pid).map(historiesAt));
  expect(answers).toContain(403);
  expect(answers).not.toContain(200);
});

test.for(['C#', `why? 100%25 o'"brien Ü—ç! \\ &$(x);`])(
  'a data folder below %j holds the database of the server, and a second start finds it',
  async (name) => {
    const folder = join(await temporaryFolder(), name, 'data');
    const first = await embedded(folder);
    expect(await readdir(dirname(dirname(folder)))).toEqual([name]);
    expect(await readdir(folder)).toContain('temporal.db');
    await (await clientOf(first.address)).workflow.start('nobody', { workflowId: 'kept', taskQueue: 'none' });
    expect(findTemporalServers(folder).map(({ pid }) => pid)).toEqual([first.server.pid]);
    await first.stop();
    const second = await embedded(folder);
    const workflow = await (await clientOf(second.address)).workflow.getHandle('kept').describe();
    expect(workflow.status.name).toBe('RUNNING');
  },
);

test('the server gets no secrets in its environment', async (ctx) => {
  if (process.platform !== 'linux') ctx.skip('reads the environment of a process from /proc');
  vi.stubEnv('PERDURE_TOKENS', 'canary-token=ada');
  vi.stubEnv('OPENAI_API_KEY', 'canary-key');
  vi.stubEnv('DATABASE_URL', 'postgres://ada:canary-password@db/perdure');
  const { server } = await embedded(await temporaryFolder());
  vi.unstubAllEnvs();
  const environment = await readFile(`/proc/${server.pid}/environ`, 'utf8');
  expect(environment).toContain('PATH=');
  expect(environment).not.toContain('canary');
});

async function embedded(folder: string, options: Partial<EmbeddedOptions> = {}): Promise<Embedded> {
  const ports = { temporal: 0 };
  const running = await startEmbedded({ dataDir: folder, ports, ...options });
  onTestFinished(() => running.stop());
  return running;
}

/** A folder whose owner was killed, and the server that it left running. */
async function orphaned(): Promise<{ folder: string; orphan: ProcessIdentity; address: string }> {
  const folder = await temporaryFolder();
  const owner = await startOwner('embedded', folder, await anyPort());
  const orphan = identityOf(owner.outcome.serverPid ?? 0);
  await owner.kill();
  return { folder, orphan, address: owner.outcome.address ?? '' };
}

async function portInUse(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** The TCP ports on which a process listens, from /proc. */
function listeningPorts(pid: number): number[] {
  const sockets = readdirSync(`/proc/${pid}/fd`).map((fd) => socketOf(`/proc/${pid}/fd/${fd}`));
  return readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A' && sockets.includes(`socket:[${fields[9]}]`))
    .map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '', 16));
}

function socketOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** The status with which a port answers a request for the sessions' workflows under another name; null: it does not speak HTTP/1. */
async function historiesAt(port: number): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const path = '/api/v1/namespaces/default/workflows';
  get({ host: '127.0.0.1', port, path, headers: { host: 'evil.example' }, timeout: 5_000 }, (response) => {
    response.resume();
    resolve(response.statusCode ?? null);
  })
    .on('timeout', () => resolve(null))
    .on('error', () => resolve(null));
  return promise;
}
