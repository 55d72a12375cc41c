import { fileURLToPath } from 'node:url';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import { createActivities } from '../activities/create-activities.ts';
import type { ActivityDeps } from '../activities/deps.ts';
import { TASK_QUEUE } from '../contracts/names.ts';
import { saveAgentVersion } from '../store/agent-versions.ts';
import { registerSearchAttributes } from './search-attributes.ts';

export interface WorkerSettings extends ActivityDeps {
  /** Where Temporal is. */
  readonly connection: {
    readonly address: string;
    readonly namespace: string;
    readonly apiKey?: string | undefined;
    readonly tls?: boolean | undefined;
  };
  /** Default `perdure`. */
  readonly taskQueue?: string | undefined;
  /** How long activities may go on after {@link RunningWorker.stop}. Default 10,000 ms; a run cut then goes on elsewhere. */
  readonly shutdownGraceMs?: number | undefined;
  /** Workflows kept in memory. Default 2,000. */
  readonly maxCachedWorkflows?: number | undefined;
}

export interface RunningWorker {
  /** Drains: no new work, what is going may end within the grace time. Resolves when all has stopped. */
  stop(): Promise<void>;
  /** Rejects if the worker dies by itself. */
  readonly done: Promise<void>;
}

/** Starts polling. The agents' versions are in the store and the search attributes registered before the first task. */
export async function startWorker(settings: WorkerSettings): Promise<RunningWorker> {
  const { db, agents, connection: to } = settings;
  quietRuntime();
  const versions = agents.list().flatMap(({ name }) => agents.agent(name) ?? []);
  const [connection, workflowBundle] = await Promise.all([
    NativeConnection.connect({
      address: to.address,
      ...(to.apiKey ? { apiKey: to.apiKey } : {}),
      ...(to.tls ? { tls: true } : {}),
    }),
    workflowCode(),
    ...versions.map((version) => saveAgentVersion(db, version)),
  ]);
  await registerSearchAttributes(connection, to.namespace);
  const worker = await Worker.create({
    connection,
    namespace: to.namespace,
    taskQueue: settings.taskQueue ?? TASK_QUEUE,
    workflowBundle,
    activities: createActivities(settings),
    ...tuning(settings),
  });
  const done = worker.run().finally(() => connection.close());
  done.catch(() => {});
  return {
    done,
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await done;
    },
  };
}

function tuning({ shutdownGraceMs = 10_000, maxCachedWorkflows = 2_000 }: WorkerSettings): Partial<WorkerOptions> {
  return {
    dataConverter: { payloadConverterPath: file('../workflows/tolerant-payload-converter.ts') },
    maxCachedWorkflows,
    shutdownGraceTime: shutdownGraceMs,
    // After a kill, tasks for the dead worker's sticky queue come back after this, not after ten seconds.
    stickyQueueScheduleToStartTimeout: '2s',
    // A cancel whose bell was lost is heard with the next heartbeat: send each one.
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
    // Activities mostly wait for a model.
    maxConcurrentActivityTaskExecutions: 500,
    maxConcurrentLocalActivityExecutions: 100,
  };
}

let bundled: ReturnType<typeof bundleWorkflowCode> | undefined;

/** The workflow bundle, made once in a process. */
export function workflowCode(): ReturnType<typeof bundleWorkflowCode> {
  bundled ??= bundleWorkflowCode({
    workflowsPath: file('../workflows/index.ts'),
    payloadConverterPath: file('../workflows/tolerant-payload-converter.ts'),
    logger: new DefaultLogger('WARN'),
  });
  return bundled;
}

function file(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

let quiet = false;

function quietRuntime(): void {
  if (quiet) return;
  quiet = true;
  Runtime.install({ logger: new DefaultLogger('WARN') });
}
