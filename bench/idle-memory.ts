import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createTemporalSender } from '../client/temporal/temporal-sender.ts';
import { TURN } from './bench-agent.ts';
import type { Benchmark } from './benchmark.ts';
import type { IdleWorkerCommand, MemoryReport } from './idle-worker.ts';
import { ACK_TIMEOUT_MS, type World } from './world.ts';

/** The number of sessions that are started concurrently. */
const AT_ONCE = 20;

/** Memory of a worker for idle sessions. */
export const idleMemory: Benchmark = {
  name: 'idle-memory',
  describe:
    'Resident memory of a process with only a worker, before and after 2,000 sessions had a turn each; all of them stay in its cache (`maxCachedWorkflows`). With PGlite the store is in that process too, and in the initial figure.',
  async run(world) {
    const taskQueue = `idle-${randomUUID()}`;
    const child = fork(new URL('idle-worker.ts', import.meta.url), { execArgv: ['--expose-gc'] });
    try {
      const { databaseUrl, temporal } = world;
      const sessions = world.size(2_000, 40);
      child.send({ databaseUrl, temporal: temporal.address, taskQueue } satisfies IdleWorkerCommand);
      await once(child, 'message');
      await begin(world, taskQueue, AT_ONCE);
      const started = await memoryAfter(child, AT_ONCE);
      await begin(world, taskQueue, sessions);
      const full = await memoryAfter(child, AT_ONCE + sessions);
      const perSession = ((full.rssMiB - started.rssMiB) / sessions) * 1_024;
      return {
        rows: [
          { what: `${AT_ONCE} sessions`, values: { 'RSS MiB': started.rssMiB, 'main heap MiB': started.heapMiB } },
          {
            what: `${(AT_ONCE + sessions).toLocaleString('en')} sessions`,
            values: { 'RSS MiB': full.rssMiB, 'main heap MiB': full.heapMiB, 'RSS KiB a session': perSession },
          },
        ],
      };
    } finally {
      child.disconnect();
      await once(child, 'exit');
    }
  },
};

/** Sends a message to each of `count` new sessions. */
async function begin({ client }: World, taskQueue: string, count: number): Promise<void> {
  const sender = createTemporalSender({ client, taskQueue, ackTimeoutMs: ACK_TIMEOUT_MS });
  let left = count;
  const sendSome = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await sender.submit({ user: `idle-${randomUUID()}`, session: 'main' }, { content: TURN.plain });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendSome));
}

async function memoryAfter(child: ChildProcess, runs: number): Promise<MemoryReport> {
  child.send({ runs });
  const [report] = (await once(child, 'message')) as [MemoryReport];
  return report;
}
