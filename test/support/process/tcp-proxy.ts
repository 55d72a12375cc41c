import { onTestFinished } from 'vitest';
import { startTcpProxy, type TcpProxy } from './start-tcp-proxy.ts';

/** Call it inside a test, whose end closes the proxy. `target`: `host:port`. */
export async function tcpProxy(target: string): Promise<TcpProxy> {
  const proxy = await startTcpProxy(target);
  onTestFinished(() => proxy.close());
  return proxy;
}
