import type { Client } from '@temporalio/client';
import { lazyClient, type TemporalOptions } from '../client/temporal/temporal-connection.ts';
import { createTemporalSender } from '../client/temporal/temporal-sender.ts';
import type { HostDeps } from '../hosting/open-host.ts';
import { createGateway, type Gateway, type GatewayOptions } from './create-gateway.ts';

export interface ConnectedGatewayOptions extends Pick<
  GatewayOptions,
  'tokens' | 'operators' | 'origins' | 'metricsToken' | 'defaultModel' | 'payloadCodecs'
> {
  readonly temporal?: TemporalOptions | undefined;
  /** A Temporal client to use instead. It stays open when the gateway closes. */
  readonly client?: Client | undefined;
  /** Default `perdure`. */
  readonly taskQueue?: string | undefined;
}

/** Perdure's HTTP interface. Mount `fetch` in your server, or pass the gateway to `serveGateway`. */
export interface OpenGateway extends Pick<Gateway, 'fetch' | 'authenticated'> {
  /** Ends all streams and closes what the gateway has opened. */
  readonly close: () => Promise<void>;
}

/** Creates a gateway that sends through Temporal. It connects with the first request that needs Temporal. */
export async function createConnectedGateway(
  deps: HostDeps,
  { temporal = {}, client, taskQueue, ...given }: ConnectedGatewayOptions,
): Promise<OpenGateway> {
  const connected = lazyClient(temporal, client);
  try {
    const sender = createTemporalSender({ client: connected.get(), ...(taskQueue === undefined ? {} : { taskQueue }) });
    const gateway = createGateway({ payloadCodecs: temporal.payloadCodecs, ...given, ...deps, sender });
    return {
      fetch: gateway.fetch,
      authenticated: gateway.authenticated,
      async close() {
        await gateway.close();
        await connected.close();
      },
    };
  } catch (error) {
    await connected.close();
    throw error;
  }
}
