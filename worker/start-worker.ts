import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createActivities } from '../activities/create-activities.ts';
import type { ActivityDeps } from '../activities/shared/deps.ts';
import { ProviderGate } from '../activities/shared/provider-gate.ts';
import type { Deployment } from '../contracts/deployment.ts';
import { TASK_QUEUE } from '../contracts/names.ts';
import { saveAgentVersion } from '../store/runs/agent-versions.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { restartLostSessions, type LostSessionSettings } from './restart-lost-sessions.ts';
import { scheduleMaintenance } from './schedule-maintenance.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import { activityTracing } from './activity-tracing.ts';
import { createLookAtLife } from './look-at-life.ts';
import { installRuntime } from './temporal-runtime.ts';
import { workerTuning, type Tuning } from './tuning.ts';
import { workflowStarter } from './workflow-starter.ts';
import { workflowCode } from './workflow-bundle.ts';

type Given = Omit<ActivityDeps, 'deployment' | 'prices' | 'telemetry' | 'gate' | 'lookAtLife' | 'workflows'>;

export interface WorkerSettings extends Given, Tuning {
  /** Default: sets nothing. */
  readonly deployment?: Deployment | undefined;
  /** Default: one that nobody reads. */
  readonly telemetry?: Telemetry | undefined;
  /** Whether Temporal's own metrics of this process are merged with ours. The first worker of a process says. Default false. */
  readonly temporalMetrics?: boolean | undefined;
  /** Where Temporal is. */
  readonly connection: {
    readonly address: string;
    readonly namespace: string;
    readonly apiKey?: string | undefined;
    readonly tls?: boolean | undefined;
    /** An open connection to use instead; stays open when the worker stops. */
    readonly open?: NativeConnection | undefined;
  };
  /** Default `perdure`. */
  readonly taskQueue?: string | undefined;
  readonly lostSessions?: LostSessionSettings | undefined;
  /** Whether errors in workflow code carry stacks. Default false. */
  readonly workflowStacks?: boolean | undefined;
  /** Whether clean-ups are scheduled. Default: on the usual task queue only. */
  readonly schedules?: boolean | undefined;
}

export interface RunningWorker {
  /** Drains: no new work, what is going may end within the grace time. Resolves when all has stopped. */
  stop(): Promise<void>;
  /** Rejects if the worker dies by itself. */
  readonly done: Promise<void>;
  /** Whether it polls, and Temporal answers. */
  ready(): Promise<boolean>;
}

/** Starts polling. The agents' versions are in the store and the search attributes registered before the first task. */
export async function startWorker(settings: WorkerSettings): Promise<RunningWorker> {
  const { db, agents, connection: to, deployment = {}, telemetry = createTelemetry() } = settings;
  const failed = await installRuntime(telemetry, { metrics: settings.temporalMetrics ?? false });
  const versions = agents.list().flatMap(({ name }) => agents.agent(name) ?? []);
  const [connection, workflowBundle] = await Promise.all([
    connect(to),
    workflowCode({ stacks: settings.workflowStacks }),
    ...versions.map((version) => saveAgentVersion(db, version)),
  ]);
  const taskQueue = settings.taskQueue ?? TASK_QUEUE;
  await registerSearchAttributes(connection, to.namespace);
  const { providers = {} } = deployment;
  const gate = new ProviderGate({ db, live: settings.live, providers, metrics: telemetry.metrics });
  await gate.start();
  const client = new Client({ connection, namespace: to.namespace });
  const worker = await Worker.create({
    connection,
    namespace: to.namespace,
    taskQueue,
    workflowBundle,
    interceptors: { activity: activityTracing(telemetry.tracing) },
    activities: createActivities({
      ...settings,
      deployment,
      telemetry,
      gate,
      lookAtLife: createLookAtLife(client),
      workflows: workflowStarter(client),
    }),
    ...workerTuning(settings),
  });
  if (settings.schedules ?? taskQueue === TASK_QUEUE) {
    await scheduleMaintenance(client, taskQueue, deployment.maintenance ?? {});
  }
  const lost = restartLostSessions({ db, client, taskQueue, failed }, settings.lostSessions ?? {});
  const done = worker.run().finally(async () => {
    await lost.stop();
    await gate.stop();
    if (to.open === undefined) await connection.close();
  });
  done.catch(() => {});
  return {
    done,
    ready: async () => {
      if (worker.getState() !== 'RUNNING') return false;
      await connection.workflowService.describeNamespace({ namespace: to.namespace });
      return true;
    },
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await done;
    },
  };
}

async function connect({ address, apiKey, tls, open }: WorkerSettings['connection']): Promise<NativeConnection> {
  return open ?? NativeConnection.connect({ address, ...(apiKey ? { apiKey } : {}), ...(tls ? { tls: true } : {}) });
}
