import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { acquireDataLock, DataFolderInUseError, ownerOf } from '../../dev-server/index.ts';
import { tryLockFile } from '../../dev-server/file-lock.ts';
import { identityOf } from '../../dev-server/process-identity.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { loadOwner, startOwner } from './start-owner.ts';

const SERVER = { address: '127.0.0.1:1', uiUrl: null, binary: '/bin/temporal', settings: 'x' };

test('of several processes that start at once exactly one owns the folder', async () => {
  const folder = await temporaryFolder();
  const loaded = await Promise.all(Array.from({ length: 4 }, () => loadOwner('lock', folder)));
  const owners = await Promise.all(loaded.map((go) => go()));
  const winners = owners.filter(({ outcome }) => outcome.owns);
  expect(winners).toHaveLength(1);
  for (const { outcome } of owners.filter(({ outcome: { owns } }) => !owns)) {
    expect(outcome.name).toBe('DataFolderInUseError');
    expect(outcome.message).toContain(`process ${winners[0]?.pid}`);
  }
});

test('the error names the owner and the remedy', async () => {
  const folder = await temporaryFolder();
  const owner = await startOwner('lock', folder);
  const error = await acquireDataLock(folder).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DataFolderInUseError);
  expect(error).toMatchObject({ pid: owner.pid });
  expect(String(error)).toContain(`Stop it (kill ${owner.pid}), or set PERDURE_DATA to another folder`);
});

test('a folder whose owner was killed is free', async () => {
  const folder = await temporaryFolder();
  const owner = await startOwner('lock', folder);
  await owner.kill();
  expect(await ownerOnceTaken(folder)).toBe(process.pid);
});

test('an owner that is stopping is waited for, and so is one that was killed and has not ended yet', async () => {
  const folder = await temporaryFolder();
  const owner = await startOwner('lock', folder);
  await owner.recordStopping();
  const { promise: waits, resolve } = Promise.withResolvers<string>();
  const next = acquireDataLock(folder, resolve);
  expect(await waits).toBe(`Waiting for process ${owner.pid}, which has the data folder and is stopping`);
  await owner.kill('SIGTERM');
  (await next).release();

  const killed = await startOwner('lock', folder);
  const second = acquireDataLock(folder);
  await killed.kill();
  (await second).release();
});

test('a released folder is free, and its lock records no owner', async () => {
  const folder = await temporaryFolder();
  (await acquireDataLock(folder)).release();
  expect(JSON.parse(await readFile(join(folder, 'lock'), 'utf8'))).toMatchObject({ owner: null, server: null });
  expect(await ownerOnceTaken(folder)).toBe(process.pid);
});

test('a folder whose owner has not recorded itself yet is not free', async () => {
  const folder = await temporaryFolder();
  const holder = tryLockFile(join(folder, 'lock.held'));
  await expect(acquireDataLock(folder)).rejects.toMatchObject({ name: 'DataFolderInUseError', pid: null });
  holder?.release();
});

test('a second lock in the same process is refused', async () => {
  const folder = await temporaryFolder();
  const lock = await acquireDataLock(folder);
  await expect(acquireDataLock(folder)).rejects.toThrow(`process ${process.pid}`);
  lock.release();
});

test('a running owner keeps the folder even where file locks do not work', async () => {
  const folder = await temporaryFolder();
  await writeLock(folder, { owner: identityOf(process.ppid), server: null });
  await expect(acquireDataLock(folder)).rejects.toThrow(`process ${process.ppid}`);
});

test('a pid that was given to another process is not the owner', async () => {
  const folder = await temporaryFolder();
  await writeLock(folder, { owner: { pid: process.ppid, startedAt: 'earlier' }, server: null });
  expect(await ownerOnceTaken(folder)).toBe(process.pid);
});

test('a server that still runs is the orphan of a dead owner, one that ended is not', async () => {
  const folder = await temporaryFolder();
  await writeLock(folder, { owner: null, server: { ...SERVER, ...identityOf(process.ppid) } });
  const lock = await acquireDataLock(folder);
  expect(lock.orphan).toEqual({ ...SERVER, ...identityOf(process.ppid) });
  lock.recordServer({ ...SERVER, pid: process.ppid, startedAt: 'earlier' });
  lock.release();
  const next = await acquireDataLock(folder);
  expect(next.orphan).toBeNull();
  next.release();
});

test('a lock file that is not JSON does not keep the folder', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'lock'), '{"owner": {"pi');
  expect(await ownerOnceTaken(folder)).toBe(process.pid);
});

/** The pid recorded in the lock once this process owns the folder. */
async function ownerOnceTaken(folder: string): Promise<unknown> {
  const lock = await acquireDataLock(folder);
  const { owner } = JSON.parse(await readFile(join(folder, 'lock'), 'utf8')) as { owner: { pid: number } };
  lock.release();
  return owner.pid;
}

async function writeLock(folder: string, record: object): Promise<void> {
  await writeFile(join(folder, 'lock'), JSON.stringify({ ...record, host: hostname() }));
}

test('a running owner reports its Temporal server and its gateway; without one there is nothing to report', async () => {
  const folder = await temporaryFolder();
  expect(ownerOf(folder)).toBeNull();
  const lock = await acquireDataLock(folder);
  const uiUrl = 'http://127.0.0.1:8233';
  lock.recordServer({ ...identityOf(process.pid), ...SERVER, uiUrl });
  lock.recordGateway('http://127.0.0.1:4748');
  expect(ownerOf(folder)).toEqual({
    pid: process.pid,
    temporalAddress: SERVER.address,
    uiUrl,
    gatewayUrl: 'http://127.0.0.1:4748',
  });
  lock.release();
  expect(ownerOf(folder)).toBeNull();
});

test.skipIf(process.platform === 'win32')('a data folder and what is in it are for their owner only', async () => {
  const folder = join(await temporaryFolder(), 'data');
  (await acquireDataLock(folder)).release();
  expect(await openToOthers(folder)).toEqual([]);
  for (const path of [folder, join(folder, 'lock')]) await chmod(path, 0o755);
  await mkdir(join(folder, 'store'));
  await writeFile(join(folder, 'temporal.db'), '', { mode: 0o644 });
  (await acquireDataLock(folder)).release();
  expect(await openToOthers(folder)).toEqual([]);
});

test.skipIf(process.platform === 'win32')(
  'a folder that also contains other files keeps its mode, and so do they',
  async () => {
    const folder = await temporaryFolder();
    await chmod(folder, 0o755);
    await writeFile(join(folder, 'index.html'), '', { mode: 0o644 });
    await mkdir(join(folder, 'store'), { mode: 0o755 });
    (await acquireDataLock(folder)).release();
    expect(await openToOthers(folder)).toEqual(expect.arrayContaining([folder, join(folder, 'index.html')]));
    expect(await openToOthers(folder)).not.toContain(join(folder, 'store'));
  },
);

test('a data folder that cannot be created is an error that names its variable', async () => {
  const file = join(await temporaryFolder(), 'file');
  await writeFile(file, '');
  for (const path of [file, join(file, 'data')]) {
    await expect(acquireDataLock(path)).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/data folder .* cannot be used .*Set PERDURE_DATA/),
    });
  }
});

// Node's own recursive `mkdir` does not return there, so another process tries it, which can be killed.
test.runIf(process.platform === 'linux')('so is one in a place where the system creates no folders', async () => {
  const script = `const { acquireDataLock } = await import(${JSON.stringify(import.meta.resolve('../../dev-server/index.ts'))});
    await acquireDataLock('/proc/none/data').catch(({ message }) => console.log(message));`;
  const options = { timeout: 12_000, killSignal: 'SIGKILL' } as const;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], options);
  expect(stdout).toMatch(/^The data folder \/proc\/none\/data cannot be used \(ENOENT.*\)\. Set PERDURE_DATA/);
});

/** The folder and its entries that users other than their owner may access. */
async function openToOthers(folder: string): Promise<string[]> {
  const paths = [folder, ...(await readdir(folder)).map((name) => join(folder, name))];
  const open = await Promise.all(paths.map(async (path) => ((await stat(path)).mode & 0o077) !== 0));
  return paths.filter((_, index) => open[index]);
}
