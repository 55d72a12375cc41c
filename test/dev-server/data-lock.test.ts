import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acquireDataLock, DataFolderInUseError } from '../../dev-server/index.ts';
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
