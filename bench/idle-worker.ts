import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endsRun } from '../contracts/events/event-traits.ts';
import { createInProcessLive } from '../live/in-process.ts';
import type { LiveChannel } from '../live/live-channel.ts';
import { openStore } from '../store/open-store.ts';
import { startWorker } from '../worker/start-worker.ts';
import { benchAgents, benchModels } from './bench-agent.ts';

// Runs as its own process: only a worker and its store.

export interface IdleWorkerCommand {
  readonly databaseUrl: string | undefined;
  readonly temporal: string;
  readonly taskQueue: string;
}

export interface MemoryReport {
  readonly rssMiB: number;
  readonly heapMiB: number;
}

/** Time for the last workflow task of a run, and for memory that is freed late. */
const SETTLE_MS = 3_000;

const ended = countEnds(createInProcessLive());

process.once('message', (command: IdleWorkerCommand) => void work(command));

async function work({ databaseUrl, temporal, taskQueue }: IdleWorkerCommand): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'perdure-bench-idle-'));
  const db = await openStore(databaseUrl ? { databaseUrl } : { dataDir });
  const connection = { address: temporal, namespace: 'default' };
  const parts = { db, live: ended.live, agents: benchAgents(), models: benchModels() };
  const worker = await startWorker({ ...parts, connection, taskQueue, shutdownGraceMs: 1_000 });
  process.on('message', ({ runs }: { runs: number }) => void report(runs));
  process.once('disconnect', () => {
    void worker
      .stop()
      .then(() => db.close())
      .finally(() => rmSync(dataDir, { recursive: true, force: true }));
  });
  process.send?.('ready');
}

/** Reports the memory of the process once that many runs have ended in total. */
async function report(runs: number): Promise<void> {
  await ended.reach(runs);
  await delay(SETTLE_MS);
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  process.send?.({ rssMiB: rss / 2 ** 20, heapMiB: heapUsed / 2 ** 20 } satisfies MemoryReport);
}

/** Counts the ends of runs on a live channel. */
function countEnds(inner: LiveChannel): { live: LiveChannel; reach(runs: number): Promise<void> } {
  let count = 0;
  let awaited: { readonly runs: number; readonly resolve: () => void } | undefined;
  const live: LiveChannel = {
    ...inner,
    publish(key, message) {
      inner.publish(key, message);
      if (message.kind !== 'appended') return;
      count += message.events?.filter(({ type }) => endsRun(type)).length ?? 0;
      if (awaited && count >= awaited.runs) awaited.resolve();
    },
  };
  return {
    live,
    reach: (runs) =>
      new Promise((resolve) => {
        awaited = { runs, resolve };
        if (count >= runs) resolve();
      }),
  };
}
