import type { Client } from '@temporalio/client';
import { lazyClient, type TemporalOptions } from '../client/temporal/temporal-connection.ts';
import { createTemporalSender } from '../client/temporal/temporal-sender.ts';
import type { HostOptions } from '../hosting/host-options.ts';
import { openHost, type Host } from '../hosting/open-host.ts';
import { createGateway, type Gateway } from './create-gateway.ts';

export interface GatewaySettings extends HostOptions {
  /** Temporal's server, to send to. What is left out is read from `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE` and `TEMPORAL_API_KEY`. */
  readonly temporal?: TemporalOptions | undefined;
  /** A Temporal client to use instead; stays open when the gateway is closed. */
  readonly client?: Client | undefined;
  /** Bearer tokens and the user each stands for. Default: no authentication, and requests from loopback only. */
  readonly tokens?: Readonly<Record<string, string>> | undefined;
  /** Users who may see, clean up and limit what is others'. Without authentication everyone may. */
  readonly operators?: readonly string[] | undefined;
  /** Default `perdure`. */
  readonly taskQueue?: string | undefined;
}

/** The HTTP interface of Perdure. Mount `fetch` in a server of yours, or give it to `serveGateway`. */
export interface OpenGateway extends Pick<Gateway, 'fetch' | 'authenticated'> {
  /** Ends every stream, and closes what was opened here. */
  readonly close: () => Promise<void>;
}

/**
 * Opens the store and answers HTTP over it. Temporal is connected to when something is first sent.
 * @throws {TypeError} for options that are not valid; see also `openHost`.
 */
export async function openGateway(options: GatewaySettings): Promise<OpenGateway> {
  return gatewayOn(await openHost(options), options);
}

/** A gateway on an open host, which is closed with it. */
export async function gatewayOn(
  host: Host,
  { temporal = {}, client, tokens, operators, taskQueue }: Omit<GatewaySettings, keyof HostOptions>,
): Promise<OpenGateway> {
  const connected = lazyClient(temporal, client);
  const { close, ...services } = host;
  try {
    const gateway = createGateway({
      ...services,
      sender: createTemporalSender({ client: connected.get(), ...(taskQueue === undefined ? {} : { taskQueue }) }),
      tokens: tokens === undefined ? undefined : JSON.stringify(tokens),
      operators: operators?.join(','),
    });
    return {
      fetch: gateway.fetch,
      authenticated: gateway.authenticated,
      async close() {
        gateway.close();
        await connected.close();
        await close();
      },
    };
  } catch (error) {
    await connected.close();
    await close();
    throw error;
  }
}
