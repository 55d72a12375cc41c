import type { Client } from '@temporalio/client';
import type { TemporalOptions } from '../client/temporal/temporal-connection.ts';
import type { HostOptions } from '../hosting/host-options.ts';
import { openHost } from '../hosting/open-host.ts';
import { defaultModelOf, type ModelOptions } from '../hosting/open-models.ts';
import type { ModelDirectory } from '../models/model-client.ts';
import { createConnectedGateway, type OpenGateway } from './create-connected-gateway.ts';

export interface GatewaySettings extends HostOptions {
  /** The Temporal server. Each field that is missing comes from the variables `TEMPORAL_…`, or from the profile that they name. */
  readonly temporal?: TemporalOptions | undefined;
  /** A Temporal client to use instead. It stays open when the gateway closes. */
  readonly client?: Client | undefined;
  /**
   * As for the workers: the default model is shown, and messages to agents that name none are checked against budgets with its price.
   * Default: the environment variables. Without any setting the check is left to the workers; no key is needed.
   */
  readonly models?: ModelOptions | ModelDirectory | undefined;
  /** Maps each bearer token to its user. Without it and without `auth` in the deployment file there is no authentication; `serveGateway` then serves loopback only. */
  readonly tokens?: Readonly<Record<string, string>> | undefined;
  /** Users who may see, clean up and limit data of other users. Without authentication every user may. */
  readonly operators?: readonly string[] | undefined;
  /** Bearer token that `/metrics` requires. Default: none. */
  readonly metricsToken?: string | undefined;
  /** Origins whose pages may call the gateway, such as `https://app.example.com`. Without authentication: those of loopback addresses. */
  readonly origins?: readonly string[] | undefined;
  /** Default `perdure`. */
  readonly taskQueue?: string | undefined;
}

/**
 * Opens the store and creates a gateway on it.
 * @throws {TypeError} for invalid options; see also `openHost`.
 */
export async function openGateway(options: GatewaySettings): Promise<OpenGateway> {
  const { temporal, client, taskQueue, tokens, operators, origins, metricsToken } = options;
  const { close, ...deps } = await openHost(options);
  try {
    const gateway = await createConnectedGateway(deps, {
      defaultModel: await defaultModelOf(options.models),
      temporal: { payloadCodecs: options.payloadCodecs, ...temporal },
      client,
      taskQueue,
      tokens: tokens === undefined ? undefined : JSON.stringify(tokens),
      operators: operators?.join(','),
      metricsToken,
      origins: origins?.join(','),
    });
    return { ...gateway, close: () => gateway.close().finally(close) };
  } catch (error) {
    await close();
    throw error;
  }
}
