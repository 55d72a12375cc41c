import type { AgentSpec } from '../../../contracts/agent.ts';
import type { ProviderSettings } from '../../../contracts/provider.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { WaitingFor } from '../../../contracts/session/session.ts';
import { resolvePolicy } from '../../../core/policy.ts';
import { createPostgresLive } from '../../../live/postgres-notify.ts';
import { createOpenAIChatClient } from '../../../models/openai/openai-chat.ts';
import { readProviders, type ProviderSnapshot } from '../../../store/admin/providers/read-providers.ts';
import { openStore } from '../../../store/open-store.ts';
import { readSnapshot } from '../../../store/read/read-snapshot.ts';
import { startWorker } from '../../../worker/start-worker.ts';
import { createPostgresDatabase } from '../store/databases.ts';
import { registry, startStack, type Stack } from '../stack.ts';
import { startStubModelServer, type StubModelServer, type StubRequest } from './stub-model-server.ts';
import { testTemporal } from '../temporal/temporal-server.ts';

/** Two workers on PostgreSQL, each with its own store and live channel, that call the same provider, `stub`. */
export interface SharedProvider extends AsyncDisposable {
  readonly stub: StubModelServer;
  readonly stack: Stack;
  /** The provider's shared state. */
  provider(): Promise<ProviderSnapshot | undefined>;
  /** Resolves once the shared state matches. */
  untilProvider(holds: (known: ProviderSnapshot) => boolean): Promise<void>;
  waitingFor(key: SessionKey): Promise<WaitingFor>;
  /** Resolves once a session waits for this. */
  untilWaiting(key: SessionKey, what: WaitingFor['what']): Promise<WaitingFor>;
}

export async function startSharedProvider(
  settings: ProviderSettings,
  agents: readonly AgentSpec[] = [{ name: 'assistant' }],
): Promise<SharedProvider> {
  const stub = await startStubModelServer();
  const { url, drop } = await createPostgresDatabase();
  const open = async () => ({
    db: await openStore({ databaseUrl: url }),
    live: createPostgresLive({ databaseUrl: url }),
  });
  const [first, second] = [await open(), await open()];
  const client = createOpenAIChatClient({ provider: 'stub', baseUrl: stub.baseUrl, apiKey: 'none', fetch });
  const model = { defaultModel: 'stub/one', resolve: (name: string) => ({ client, model: name.slice(5) }) };
  const deployment = { providers: { stub: settings } };
  const temporal = await testTemporal();
  const stack = await startStack({ temporal, model, agents, deployment, ...first });
  const other = await startWorker({
    ...second,
    agents: registry(agents, []),
    models: model,
    deployment,
    connection: { address: temporal, namespace: 'default' },
    taskQueue: stack.taskQueue,
    shutdownGraceMs: 1_000,
  });
  const provider = async () => (await readProviders(first.db)).find((known) => known.provider === 'stub');
  const waitingFor = async (key: SessionKey) => {
    const snapshot = await readSnapshot(first.db, key, () => resolvePolicy());
    if (!snapshot) throw new Error('There is no such session.');
    return snapshot.waitingFor;
  };
  return {
    stub,
    stack,
    provider,
    waitingFor,
    async untilProvider(holds) {
      for (;;) {
        const known = await provider();
        if (known && holds(known)) return;
        await lookAgain();
      }
    },
    async untilWaiting(key, what) {
      for (;;) {
        const found = await waitingFor(key);
        if (found.what === what) return found;
        await lookAgain();
      }
    },
    async [Symbol.asyncDispose]() {
      await other.stop();
      await stack[Symbol.asyncDispose]();
      await stub.close();
      await second.live.close();
      await Promise.all([first.db.close(), second.db.close()]);
      await drop();
    },
  };
}

/** No event is published when a run starts to wait, so this polls. */
function lookAgain(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 25));
}

/** The maximum number of concurrent requests. */
export function mostAtOnce(requests: readonly StubRequest[]): number {
  return Math.max(
    0,
    ...requests.map(
      ({ at }) => requests.filter((other) => other.at <= at && (other.closedAt() ?? Infinity) > at).length,
    ),
  );
}
