import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { provideTemporalBinary, startTemporalServer } from '../../../dev-server/index.ts';
import { startFloor } from '../../floor.ts';
import type { Talk } from '../../talk.ts';
import { serveJobs } from '../jobs-process.ts';
import { serveMessages } from './serve-messages.ts';

// Runs as its own process: the bare workflow of the floor behind HTTP, with a Temporal server of its own.

/** The jobs of the floor's process. */
export type FloorJobs = typeof jobs;

Runtime.install({ logger: new DefaultLogger('WARN') });

const stack = new AsyncDisposableStack();

const jobs = {
  /** Starts everything; returns the base URL and the pid of the Temporal server. */
  async listen({ dataDir }: { readonly dataDir: string }): Promise<{ url: string; temporal: number }> {
    const { path: binary } = await provideTemporalBinary({ onProgress: (line) => console.error(line) });
    const temporal = await startTemporalServer({ binary, dataDir });
    stack.defer(() => temporal.stop());
    const connection = await Connection.connect({ address: temporal.address });
    stack.defer(() => connection.close());
    const floor = stack.use(await startFloor(new Client({ connection }), temporal.address));
    const talks = new Map<string, Talk>();
    const url = await serveMessages(async (session, content) => {
      const talk = talks.get(session) ?? floor.talk();
      talks.set(session, talk);
      await talk.turn(content);
    });
    return { url, temporal: temporal.pid };
  },
};

serveJobs(jobs, () => stack.disposeAsync());
