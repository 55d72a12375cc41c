import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createGateway } from '../gateway/create-gateway.ts';
import { serveGateway } from '../gateway/serve-gateway.ts';
import { TURN } from './bench-agent.ts';
import { atMost, type Aim, type Benchmark, type BenchmarkRow } from './benchmark.ts';
import type { ReadersCommand, ReadersReport } from './sse-readers.ts';
import { summarize } from './statistics.ts';
import type { World } from './world.ts';

/** The rate of a fast model: 100 tokens a second. */
const EVERY_MS = 10;

/** Latency of a delta from the model to a reader. */
export const deltaLatency: Benchmark = {
  name: 'delta-latency',
  describe:
    'From the model’s chunk in the worker to the bytes in a client of the gateway’s SSE stream: over real HTTP, with all readers in one separate process, measured on the system’s monotonic clock, which both processes share. 100 chunks a second; every reader reads the same session.',
  async run(world) {
    const gateway = createGateway(world);
    const served = await serveGateway({ gateway, port: 0 });
    try {
      const rows: BenchmarkRow[] = [];
      const aims: Aim[] = [];
      for (const readers of [1, world.size(100, 20)]) {
        const latencies = await measure(world, served.url, readers);
        const { p50, p95, p99, count } = summarize(latencies);
        const max = latencies.reduce((most, value) => Math.max(most, value), 0);
        const values = { 'p50 ms': p50, 'p95 ms': p95, 'p99 ms': p99, 'max ms': max, deltas: count };
        rows.push({ what: `${readers} reader${readers === 1 ? '' : 's'}`, values });
        aims.push(atMost(`delta latency, p99, ${readers} readers`, p99, 20, ' ms'));
      }
      return { rows, aims };
    } finally {
      await served.close();
    }
  },
};

/** A warm-up run and a measured run. Fails if a delta is lost. */
async function measure(world: World, url: string, readers: number): Promise<readonly number[]> {
  const talk = world.talk();
  await talk.turn(TURN.plain);
  const child = fork(new URL('sse-readers.ts', import.meta.url));
  try {
    const command: ReadersCommand = { url, user: talk.key.user, session: talk.key.session, readers };
    child.send(command);
    await report(child);
    const chunks = world.size(1_000, 50);
    let latencies: readonly number[] = [];
    for (const count of [50, chunks]) {
      const heard = report(child);
      await talk.turn(TURN.chunks(count, EVERY_MS));
      latencies = (await heard).latenciesMs;
      if (latencies.length !== count * readers)
        throw new Error(`${readers} readers heard ${latencies.length} of ${count * readers} deltas.`);
    }
    return latencies;
  } finally {
    talk.close();
    child.disconnect();
    await once(child, 'exit');
  }
}

/** The readers send a message when all are connected, and when all have received the end of a run. */
async function report(child: ChildProcess): Promise<ReadersReport> {
  const [message] = (await once(child, 'message')) as [ReadersReport];
  return message;
}
