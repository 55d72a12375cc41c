import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startEmbedded, type Embedded, type EmbeddedOptions } from '../../dev-server/index.ts';
import { identityOf, isRunning, sendSignal, type ProcessIdentity } from '../../dev-server/process-identity.ts';
import { anyPort } from '../../dev-server/ports.ts';
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

test('ports in use are skipped, with notes', async () => {
  const [temporal, ui] = [await portInUse(), await portInUse()];
  const running = await embedded(await temporaryFolder(), { ports: { temporal, ui } });
  expect(running.address).not.toBe(`127.0.0.1:${temporal}`);
  expect(running.notes).toEqual([
    `Port ${temporal} is in use; Temporal listens on ${running.address.split(':')[1]}.`,
    `Port ${ui} is in use; the Temporal UI listens on ${new URL(running.uiUrl ?? '').port}.`,
  ]);
  expect((await fetch(running.uiUrl ?? '')).status).toBe(200);
});

async function embedded(folder: string, options: Partial<EmbeddedOptions> = {}): Promise<Embedded> {
  const ports = { temporal: await anyPort(), ui: null };
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
