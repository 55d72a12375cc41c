import type { TLSConfig } from '@temporalio/client';

/** How to reach a Temporal server. A missing field comes from its variable, else from the profile of `TEMPORAL_PROFILE`. */
export interface ConnectionOptions {
  /** `host:port`. Variable `TEMPORAL_ADDRESS`; default `127.0.0.1:7233`. */
  readonly address?: string | undefined;
  /** Variable `TEMPORAL_NAMESPACE`; default `default`. */
  readonly namespace?: string | undefined;
  /** Variable `TEMPORAL_API_KEY`; default none. */
  readonly apiKey?: string | undefined;
  /** True, false, or certificates. Variables `TEMPORAL_TLS…`; default: TLS if there is an API key. */
  readonly tls?: TLSConfig | boolean | null | undefined;
  /** Headers of every request. Variables `TEMPORAL_GRPC_META_…`; default none. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Options that are complete. */
export interface ConnectionSettings extends ConnectionOptions {
  readonly address: string;
  readonly namespace: string;
}
