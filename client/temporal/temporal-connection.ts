import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import type { WorkflowClientInterceptor } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { clientDataConverter } from '../../codec/client-data-converter.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { connectionSettings, connectOptions } from './connection-settings.ts';

export interface TemporalOptions extends ConnectionOptions {
  /** Interceptors of workflow calls, such as those of Temporal's OpenTelemetry packages. */
  readonly interceptors?: readonly WorkflowClientInterceptor[] | undefined;
  /** Codecs of payloads, the same as those of workers and gateways, such as `encryptionCodec` of `perdure/worker`. Default: none. */
  readonly payloadCodecs?: readonly PayloadCodec[] | undefined;
}

/** A Temporal client that is created on first use; it connects with its first call. */
export interface LazyClient {
  get(): Client;
  close(): Promise<void>;
}

/**
 * With `given`, that client is used, and `close` leaves it open. `env` completes the options ({@link connectionSettings}); pass `{}`
 * for options that are complete.
 */
export function lazyClient(options: TemporalOptions, given: Client | undefined, env = process.env): LazyClient {
  const retries = stoppableRetries();
  let own: Client | undefined;
  return {
    get: () => given ?? (own ??= connect(options, env, retries.interceptor)),
    async close() {
      await retries.stop();
      await own?.connection.close();
      own = undefined;
    },
  };
}

type Interceptor = ReturnType<typeof makeGrpcRetryInterceptor>;

function connect(options: TemporalOptions, env: NodeJS.ProcessEnv, retry: Interceptor): Client {
  const settings = connectionSettings(options, env);
  const connection = Connection.lazy({ ...connectOptions(settings), interceptors: [retry] });
  return new Client({
    connection,
    namespace: settings.namespace,
    dataConverter: clientDataConverter(options.payloadCodecs),
    interceptors: { workflow: [...(options.interceptors ?? [])] },
  });
}

/** Bounds how long `stop` of {@link stoppableRetries} takes. */
const MAX_PAUSE_MS = 1_000;

/**
 * The Temporal client's default retries, which can be stopped before the connection is closed: a retry on a closed
 * connection throws from its timer and crashes the process (grpc-js, "Channel has been shut down").
 */
function stoppableRetries(): { readonly interceptor: Interceptor; stop(): Promise<void> } {
  const { delayFunction, retryableDecider } = defaultGrpcRetryOptions();
  let stopped = false;
  let lastDueAt = 0;
  return {
    interceptor: makeGrpcRetryInterceptor({
      retryableDecider: (attempt, status) => !stopped && retryableDecider(attempt, status),
      delayFunction(attempt, status) {
        const pauseMs = Math.min(delayFunction(attempt, status), MAX_PAUSE_MS);
        lastDueAt = Math.max(lastDueAt, Date.now() + pauseMs);
        return pauseMs;
      },
    }),
    async stop() {
      stopped = true;
      const leftMs = lastDueAt - Date.now();
      // Timers may fire late.
      if (leftMs > 0) await delay(leftMs + 50);
    },
  };
}
