import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createActivities } from '../activities/create-activities.ts';
import type { ActivityDeps } from '../activities/shared/deps.ts';
import { ProviderLimiter } from '../activities/shared/provider-limiter.ts';
import type { Deployment } from '../contracts/deployment.ts';
import { TASK_QUEUE } from '../contracts/names.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { restartLostWorkflows, type LostWorkflowSettings } from './restart-lost-workflows.ts';
import { scheduleMaintenance } from './schedule-maintenance.ts';
import { saveAgentVersions } from './save-agent-versions.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import { activityTracing } from './activity-tracing.ts';
import { expiryCheckRequester } from './request-expiry-check.ts';
import { installRuntime } from './temporal-runtime.ts';
import { workerTuning, type Tuning } from './tuning.ts';
import { workflowStarter } from './workflow-starter.ts';
import { workflowCode } from './workflow-bundle.ts';

type GivenDeps = Omit<
  ActivityDeps,
  'deployment' | 'prices' | 'telemetry' | 'commits' | 'limiter' | 'requestExpiryCheck' | 'workflows'
>;

export interface WorkerSettings extends GivenDeps, Tuning {
  /** Default: an empty deployment. */
  readonly deployment?: Deployment | undefined;
  /** Default: telemetry without an exporter. */
  readonly telemetry?: Telemetry | undefined;
  /** Whether to merge the Temporal SDK's metrics of this process with Perdure's. Only the first worker of a process decides. Default false. */
  readonly temporalMetrics?: boolean | undefined;
  /** The Temporal server. */
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
  readonly lostSessions?: LostWorkflowSettings | undefined;
  /** Whether errors in workflow code have stack traces. Default false. */
  readonly workflowStacks?: boolean | undefined;
  /** Whether to schedule clean-ups. Default: only on the default task queue. */
  readonly schedules?: boolean | undefined;
}

export interface RunningWorker {
  /** Stops polling and waits for running activities, at most for the grace time. Resolves when everything has stopped. */
  stop(): Promise<void>;
  /** Resolves when the worker has stopped; rejects if it fails. */
  readonly done: Promise<void>;
  /** Whether the worker is polling. Rejects if Temporal is unavailable. */
  ready(): Promise<boolean>;
}

/** Starts a worker. Before it polls, it saves the agents' versions in the store and registers the search attributes. */
export async function startWorker(settings: WorkerSettings): Promise<RunningWorker> {
  const { db, agents, connection: to, deployment = {}, telemetry = createTelemetry() } = settings;
  const failed = await installRuntime(telemetry, { metrics: settings.temporalMetrics ?? false });
  const [connection, workflowBundle] = await Promise.all([
    connect(to),
    workflowCode({ stacks: settings.workflowStacks }),
    saveAgentVersions(db, agents),
  ]);
  const taskQueue = settings.taskQueue ?? TASK_QUEUE;
  await registerSearchAttributes(connection, to.namespace);
  const { providers = {} } = deployment;
  const limiter = new ProviderLimiter({ db, live: settings.live, providers, metrics: telemetry.metrics });
  await limiter.start();
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
      limiter,
      requestExpiryCheck: expiryCheckRequester(client),
      workflows: workflowStarter(client),
    }),
    ...workerTuning(settings),
  });
  if (settings.schedules ?? taskQueue === TASK_QUEUE) {
    await scheduleMaintenance(client, taskQueue, deployment.maintenance ?? {});
  }
  const lost = restartLostWorkflows({ db, client, taskQueue, failed }, settings.lostSessions ?? {});
  const done = worker.run().finally(async () => {
    await lost.stop();
    await limiter.stop();
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
