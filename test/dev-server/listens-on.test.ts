import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { listensOn } from '../../dev-server/ports.ts';

test.runIf(process.platform === 'linux')(
  'a process listens on a port as long as it or its group has the socket, and another process does not',
  async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(listensOn(process.pid, port)).toBe(true);
    expect(listensOn(1, port)).toBe(false);
    server.close();
    await once(server, 'close');
    expect(listensOn(process.pid, port)).toBe(false);
  },
);
