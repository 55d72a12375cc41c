import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
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

    // A shell that leads a group and stays, and a program in the group that listens.
    const listen = `require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('listening'))`;
    const script = '"$0" --eval "$1"; exit';
    const shell = spawn('/bin/sh', ['-c', script, process.execPath, listen], { detached: true, stdio: 'pipe' });
    const leader = shell.pid ?? 0;
    onTestFinished(() => void process.kill(-leader, 'SIGKILL'));
    await once(shell.stdout, 'data');
    expect(listensOn(leader, port)).toBe(true);
  },
);
