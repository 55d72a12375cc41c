import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { AgentRegistry } from '../agents/agent-registry.ts';
import { createTemporalSender, type TemporalSender } from '../client/temporal/temporal-sender.ts';
import { provideTemporalBinary, startTemporalServer, type TemporalServer } from '../dev-server/index.ts';
import { createFeed, type Feed } from '../gateway/feed/feed.ts';
import { feedStoreOf } from '../gateway/feed/feed-store.ts';
import { createInProcessLive } from '../live/in-process.ts';
import type { LiveChannel } from '../live/live-channel.ts';
import { createPostgresLive } from '../live/postgres-notify.ts';
import type { Db } from '../store/db/db.ts';
import { openStore } from '../store/open-store.ts';
import { startWorker } from '../worker/start-worker.ts';
import { benchAgents, benchModels } from './bench-agent.ts';
import { startFloor, type Floor } from './floor.ts';
import { sessionTalk, type SessionTalk } from './session-talk.ts';

export interface WorldOptions {
  /** Connection string of a PostgreSQL server, with NOTIFY as the live channel. Without it: PGlite in a folder, with the in-process channel. */
  readonly databaseUrl: string | undefined;
  /** Small numbers, to check that everything works rather than to measure. */
  readonly quick: boolean;
}

/** The system under test: a Temporal server, a store, the workers of Perdure and of the minimal workflow, and a client, in one process as in embedded mode. */
export interface World extends AsyncDisposable {
  readonly temporal: TemporalServer;
  /** Folder of the Temporal server, of PGlite, of archives and of contents of attachments. */
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly db: Db;
  readonly live: LiveChannel;
  readonly agents: AgentRegistry;
  readonly client: Client;
  readonly sender: TemporalSender;
  readonly feed: Feed;
  readonly floor: Floor;
  /** Creates a session of this user or of a new one. */
  talk(user?: string): SessionTalk;
  /** Returns the first value in a full run, the second one in a quick run. */
  size(full: number, quick: number): number;
}

/** Long enough that no turn falls back to a signal on a busy machine. */
export const ACK_TIMEOUT_MS = 30_000;

export async function startWorld({ databaseUrl, quick }: WorldOptions): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const dataDir = mkdtempSync(join(tmpdir(), 'perdure-bench-'));
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  const { path: binary } = await provideTemporalBinary({ onProgress: (line) => console.error(line) });
  const temporal = await startTemporalServer({ binary, dataDir });
  stack.defer(() => temporal.stop());
  const files = {
    archivesDir: join(dataDir, 'archives'),
    attachments: { store: 'folder', folder: join(dataDir, 'attachments') },
  } as const;
  const db = await openStore({ ...(databaseUrl ? { databaseUrl } : { dataDir }), ...files });
  stack.defer(() => db.close());
  const live = databaseUrl ? createPostgresLive({ databaseUrl }) : createInProcessLive();
  stack.defer(() => live.close());
  const connection = await Connection.connect({ address: temporal.address });
  stack.defer(() => connection.close());
  const client = new Client({ connection });
  const taskQueue = `bench-${randomUUID()}`;
  const agents = benchAgents();
  const to = { address: temporal.address, namespace: 'default' };
  const worker = await startWorker({ db, live, agents, models: benchModels(), connection: to, taskQueue });
  stack.defer(() => worker.stop());
  const floor = stack.use(await startFloor(client, temporal.address));
  const sender = createTemporalSender({ client, taskQueue, ackTimeoutMs: ACK_TIMEOUT_MS });
  const feed = createFeed({ store: feedStoreOf(db), live });
  stack.defer(() => feed.close());
  const started = stack.move();
  return {
    temporal,
    dataDir,
    databaseUrl,
    db,
    live,
    agents,
    client,
    sender,
    feed,
    floor,
    talk: (user) => sessionTalk(sender, feed, user),
    size: (full, small) => (quick ? small : full),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
