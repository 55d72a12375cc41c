import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy on loopback whose network can be cut. */
export interface TcpProxy {
  /** `host:port`. */
  readonly address: string;
  /** From now on connections go to another `host:port`; those that exist are closed. */
  redirect(target: string): void;
  /** Closes every connection and the port. */
  close(): void;
  /** From now on nothing passes, and no connection is closed or refused: as when a network drops every packet. */
  cut(): void;
  /** Everything passes again, with what was sent meanwhile. */
  restore(): void;
}

/** Starts a proxy, which the caller closes. `target`: `host:port`. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  let [host = '', port = ''] = target.split(':');
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  let isCut = false;
  const forward = (client: Socket): void => {
    const server = connect(Number(port), host);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (data) => {
        if (!to.write(data)) from.pause();
      });
      to.on('drain', () => {
        if (!isCut) from.resume();
      });
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  };
  const proxy = createServer((client) => {
    if (!isCut) return forward(client);
    client.pause();
    client.on('error', () => {});
    waiting.add(() => forward(client.resume()));
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const closeConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.pause();
    },
    redirect(to) {
      [host = '', port = ''] = to.split(':');
      closeConnections();
    },
    close() {
      proxy.close();
      closeConnections();
    },
    restore() {
      isCut = false;
      for (const socket of sockets) socket.resume();
      for (const go of waiting) go();
      waiting.clear();
    },
  };
}
