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
  /** A served PostgreSQL, with NOTIFY for the live channel; without one PGlite in a folder, and the channel in the process. */
  readonly databaseUrl: string | undefined;
  /** Small counts: to see that everything works, not to measure. */
  readonly quick: boolean;
}

/** What is measured: a Temporal server, a store, Perdure's worker and the floor's, and a client, as in the embedded mode's one process. */
export interface World extends AsyncDisposable {
  readonly temporal: TemporalServer;
  /** Of the server and of PGlite. */
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly db: Db;
  readonly live: LiveChannel;
  readonly agents: AgentRegistry;
  readonly client: Client;
  readonly sender: TemporalSender;
  readonly feed: Feed;
  readonly floor: Floor;
  /** A new session, of this user or of a new one. */
  talk(user?: string): SessionTalk;
  /** The first in a full run, the second in a quick one. */
  size(full: number, quick: number): number;
}

/** Long enough that no turn is handed to a signal because the machine was busy. */
export const ACK_TIMEOUT_MS = 30_000;

export async function startWorld({ databaseUrl, quick }: WorldOptions): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const dataDir = mkdtempSync(join(tmpdir(), 'perdure-bench-'));
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  const { path: binary } = await provideTemporalBinary({ onProgress: (line) => console.error(line) });
  const temporal = await startTemporalServer({ binary, dataDir });
  stack.defer(() => temporal.stop());
  const db = await openStore(databaseUrl ? { databaseUrl } : { dataDir });
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
