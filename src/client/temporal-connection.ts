import { Client, Connection } from '@temporalio/client';
import type { ConnectionOptions } from '@temporalio/client';

export interface TemporalOptions {
  /** Default: `TEMPORAL_ADDRESS`, else `127.0.0.1:7233`. */
  readonly address?: string | undefined;
  /** Default: `TEMPORAL_NAMESPACE`, else `default`. */
  readonly namespace?: string | undefined;
  readonly tls?: ConnectionOptions['tls'];
  /** Default: `TEMPORAL_API_KEY`. */
  readonly apiKey?: string | undefined;
}

/** A client that connects when it is first used. */
export interface LazyClient {
  get(): Client;
  close(): Promise<void>;
}

/** `given` is used as it is and left open by `close`; without one, a client of our own is made when first needed. */
export function lazyClient(options: TemporalOptions, given: Client | undefined, env = process.env): LazyClient {
  let own: Client | undefined;
  return {
    get: () => given ?? (own ??= connect(options, env)),
    async close() {
      await own?.connection.close();
      own = undefined;
    },
  };
}

function connect(options: TemporalOptions, env: NodeJS.ProcessEnv): Client {
  const apiKey = options.apiKey ?? env['TEMPORAL_API_KEY'];
  const connection = Connection.lazy({
    address: options.address ?? env['TEMPORAL_ADDRESS'] ?? '127.0.0.1:7233',
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
  });
  return new Client({ connection, namespace: options.namespace ?? env['TEMPORAL_NAMESPACE'] ?? 'default' });
}
