import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { anyPort, choosePort, isFree } from '../../dev-server/ports.ts';

test('the preferred port is used without a note when it is free', async () => {
  const port = await anyPort();
  expect(await choosePort(port, 'Temporal')).toEqual({ port, note: null });
});

test('a port in use gives the next free one, with a note', async () => {
  const port = await listenOn('127.0.0.1');
  const chosen = await choosePort(port, 'Temporal');
  expect(chosen.port).toBeGreaterThan(port);
  expect(chosen.note).toBe(`Port ${port} is in use; Temporal listens on ${chosen.port} from now on.`);
  expect(await isFree(chosen.port)).toBe(true);
});

test('a server on every address uses the port too', async () => {
  expect(await isFree(await listenOn('0.0.0.0'))).toBe(false);
});

test('when no port is left the error names what was tried', async () => {
  const server = createServer();
  server.listen(65_535, '127.0.0.1');
  onTestFinished(() => close(server));
  await Promise.race([once(server, 'listening'), once(server, 'error')]);
  await expect(choosePort(65_535, 'Temporal')).rejects.toThrow(
    'Temporal cannot start: the ports 65535 to 65535 are all in use',
  );
});

async function listenOn(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  onTestFinished(() => close(server));
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => void server.close(resolve));
}
