import type { Client } from '@temporalio/client';
import type { TemporalOptions } from '../client/temporal/temporal-connection.ts';
import type { HostOptions } from '../hosting/host-options.ts';
import { openHost } from '../hosting/open-host.ts';
import { createConnectedGateway, type OpenGateway } from './create-connected-gateway.ts';

export interface GatewaySettings extends HostOptions {
  /** The Temporal server. Defaults: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE` and `TEMPORAL_API_KEY`. */
  readonly temporal?: TemporalOptions | undefined;
  /** A Temporal client to use instead. It stays open when the gateway closes. */
  readonly client?: Client | undefined;
  /** Maps each bearer token to its user. Default: no authentication; `serveGateway` then serves loopback only. */
  readonly tokens?: Readonly<Record<string, string>> | undefined;
  /** Users who may see, clean up and limit data of other users. Without authentication every user may. */
  readonly operators?: readonly string[] | undefined;
  /** Default `perdure`. */
  readonly taskQueue?: string | undefined;
}

/**
 * Opens the store and creates a gateway on it.
 * @throws {TypeError} for invalid options; see also `openHost`.
 */
export async function openGateway(options: GatewaySettings): Promise<OpenGateway> {
  const { temporal, client, taskQueue, tokens, operators } = options;
  const { close, ...deps } = await openHost(options);
  try {
    const gateway = await createConnectedGateway(deps, {
      temporal,
      client,
      taskQueue,
      tokens: tokens === undefined ? undefined : JSON.stringify(tokens),
      operators: operators?.join(','),
    });
    return { ...gateway, close: () => gateway.close().finally(close) };
  } catch (error) {
    await close();
    throw error;
  }
}
