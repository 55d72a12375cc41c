import type { Client } from '@temporalio/client';
import type { SessionSender } from './session-sender.ts';
import type { TemporalOptions } from './temporal-connection.ts';

/** A connection of its own by options, or an existing client, which `close` leaves open. */
export type TemporalTarget = TemporalOptions | { readonly client: Client };

export interface LazyTemporalSender {
  /** Loads the Temporal SDK with the first call. Rejects with an Error when it is not installed. */
  get(): Promise<SessionSender>;
  /** Closes the connection; a later `get` opens another. */
  close(): Promise<void>;
}

interface OpenedSender {
  readonly sender: SessionSender;
  close(): Promise<void>;
}

/** A sender through Temporal that imports `@temporalio/client` only when it is used: programs that use HTTP need not install it. */
export function lazyTemporalSender(target: TemporalTarget): LazyTemporalSender {
  let opened: Promise<OpenedSender> | undefined;
  return {
    get: async () => (await (opened ??= open(target))).sender,
    async close() {
      const closing = opened;
      opened = undefined;
      // When opening failed there is nothing to close; `get` has thrown the error.
      await closing?.then(
        async (it) => it.close(),
        () => undefined,
      );
    },
  };
}

async function open(target: TemporalTarget): Promise<OpenedSender> {
  const { lazyClient, createTemporalSender } = await loadSdk();
  const temporal = 'client' in target ? lazyClient({}, target.client) : lazyClient(target, undefined);
  return { sender: createTemporalSender({ client: temporal.get() }), close: () => temporal.close() };
}

async function loadSdk() {
  try {
    const [{ lazyClient }, { createTemporalSender }] = await Promise.all([
      import('./temporal-connection.ts'),
      import('./temporal-sender.ts'),
    ]);
    return { lazyClient, createTemporalSender };
  } catch (error) {
    throw new Error(
      'The option `temporal` needs packages of Temporal. Run `npm install @temporalio/client @temporalio/common @temporalio/envconfig`, or leave the option out to send through the gateway.',
      { cause: error },
    );
  }
}
