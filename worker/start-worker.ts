import { Client } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import type { NativeConnection } from '@temporalio/worker';
import type { ChildDeps } from '../activities/children/children.ts';
import { cancelAbandoned } from '../activities/children/cancel-abandoned.ts';
import { continueChildren } from '../activities/children/continue-children.ts';
import { KnownPauses } from '../admission/known-pauses.ts';
import { createActivities } from '../activities/create-activities.ts';
import { RunBegins } from '../activities/observe/run-begins.ts';
import { ServedSessions } from '../activities/serving/served-sessions.ts';
import { AgentReleases } from '../activities/shared/agent-releases.ts';
import type { ActivityDeps } from '../activities/shared/deps.ts';
import { ProviderLimiter } from '../activities/shared/provider-limiter.ts';
import { clientDataConverter } from '../codec/client-data-converter.ts';
import type { Deployment } from '../contracts/deployment.ts';
import { memoriesPerUser } from '../contracts/limits/memories-per-user.ts';
import { TASK_QUEUE } from '../contracts/names.ts';
import { createPriceTable } from '../models/price-table.ts';
import type { Db } from '../store/db/db.ts';
import { createMcpServers } from '../mcp/mcp-servers.ts';
import { createMemories, type Memories } from '../memory/create-memories.ts';
import { createCommitObserver } from '../telemetry/commit-observer.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { encodesFailures, workerDataConverter } from './data-converter.ts';
import { restoreNamespace, startUpkeep, type UpkeepSettings } from './upkeep/upkeep.ts';
import { sessionCommands } from './batches/session-commands.ts';
import { userExecutions } from './erasure/user-executions.ts';
import { describeRefusal } from './namespace.ts';
import { connectToTemporal } from './connect-to-temporal.ts';
import { isServer } from './is-server.ts';
import { runWorkflows } from './run-workflows.ts';
import { scheduleMaintenance } from './schedule-maintenance.ts';
import { saveAgentVersions } from './save-agent-versions.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import { missingSearchAttributes } from '../client/temporal/search-attributes.ts';
import type { ConnectionSettings } from '../client/temporal/connection-options.ts';
import { activityTracing } from './activity-tracing.ts';
import { backgroundRequester } from './upkeep/request-background.ts';
import { expiryCheckRequester } from './request-expiry-check.ts';
import { installRuntime } from './temporal-runtime.ts';
import { SERVING_PLACES, workerTuning, type Tuning } from './tuning.ts';
import { workflowStarter } from './workflow-starter.ts';
import { repeatNotifications } from './serving/repeat-notifications.ts';
import { stopServingClosed } from './serving/stop-serving-closed.ts';
import { TakeOver } from './serving/take-over.ts';
import { prepareWorkflowThread, SessionWorker } from './session-worker.ts';
import { endOtherLeases, holdWorkerLease, newWorkerId, type HeldLease } from './serving/worker-lease.ts';
import { deploymentOptions, type WorkerVersioning } from './versioning/worker-versioning.ts';
import { workflowCode } from './workflow-bundle.ts';

type GivenDeps = Omit<
  ActivityDeps,
  | 'memories'
  | 'mcp'
  | 'deployment'
  | 'prices'
  | 'tokens'
  | 'telemetry'
  | 'commits'
  | 'askEvaluator'
  | 'turns'
  | 'limiter'
  | 'pauses'
  | 'requestExpiryCheck'
  | 'requestBackground'
  | 'workflows'
  | 'runs'
  | 'isServer'
  | 'isCutOff'
  | 'draining'
  | 'releases'
  | 'commands'
  | 'userExecutions'
  | 'workerId'
>;

export interface WorkerSettings extends GivenDeps, Tuning {
  /** Default: an empty deployment. */
  readonly deployment?: Deployment | undefined;
  /** Long-term memory. Default: without vectors. */
  readonly memories?: Memories | undefined;
  /** Default: telemetry without an exporter. */
  readonly telemetry?: Telemetry | undefined;
  /** Whether to merge the Temporal SDK's metrics of this process with Perdure's. Only the first worker of a process decides. Default false. */
  readonly temporalMetrics?: boolean | undefined;
  /** The Temporal server. */
  readonly connection: ConnectionSettings & {
    /** An open connection to use instead; stays open when the worker stops. */
    readonly open?: NativeConnection | undefined;
  };
  /** Default `perdure`. */
  readonly taskQueue?: string | undefined;
  readonly lostSessions?: UpkeepSettings | undefined;
  /** Whether errors in workflow code have stack traces. Default false. */
  readonly workflowStacks?: boolean | undefined;
  /** Whether to schedule clean-ups. Default: only on the default task queue. */
  readonly schedules?: boolean | undefined;
  /** Codecs of all payloads in Temporal. Default: none. */
  readonly payloadCodecs?: readonly PayloadCodec[] | undefined;
  /** Temporal's worker versioning. Default: off. */
  readonly versioning?: WorkerVersioning | undefined;
}

export interface RunningWorker {
  /** Stops polling and waits for running activities, at most for the grace time. Resolves when everything has stopped. */
  stop(): Promise<void>;
  /** Resolves when the worker has stopped; rejects if it fails. */
  readonly done: Promise<void>;
  /** Whether the worker is polling. Rejects if Temporal is unavailable. */
  ready(): Promise<boolean>;
  /** Whether the namespace has the search attributes of sessions, without which their workflow tasks fail. Rejects if Temporal is unavailable. */
  workflowsReady(): Promise<boolean>;
}

/** Starts a worker. Before it polls, it saves the agents' versions in the store and registers the search attributes. */
export async function startWorker(settings: WorkerSettings): Promise<RunningWorker> {
  const { db, agents, connection: to, deployment = {}, telemetry = createTelemetry() } = settings;
  const memories = settings.memories ?? createMemories({ db, perUser: memoriesPerUser(deployment.limits) });
  const versioned = deploymentOptions(settings.versioning);
  const buildId = settings.versioning?.buildId;
  prepareWorkflowThread();
  const failed = await installRuntime(telemetry, { metrics: settings.temporalMetrics ?? false });
  const [connection, workflowBundle] = await Promise.all([
    connectToTemporal(to),
    workflowCode({ stacks: settings.workflowStacks, encodesFailures: encodesFailures(settings.payloadCodecs) }),
    saveAgentVersions(db, agents),
  ]);
  const taskQueue = settings.taskQueue ?? TASK_QUEUE;
  const { namespace } = to;
  try {
    await restoreNamespace({ db, connection, namespace, taskQueue, telemetry });
    await registerSearchAttributes(connection, to);
  } catch (error) {
    // Left open, it would keep the process running.
    if (to.open === undefined) await connection.close();
    throw describeRefusal(error, namespace);
  }
  const { providers = {} } = deployment;
  const limiter = new ProviderLimiter({ db, live: settings.live, providers, metrics: telemetry.metrics });
  const pauses = new KnownPauses(db, settings.live);
  await Promise.all([limiter.start(), pauses.start()]);
  const { payloadCodecs } = settings;
  const client = new Client({ connection, namespace: to.namespace, dataConverter: clientDataConverter(payloadCodecs) });
  const mcp = createMcpServers({ telemetry });
  const workerId = newWorkerId();
  const releases = new AgentReleases(db);
  await releases.refresh();
  const isAlone = db.kind === 'pglite';
  const takeOver = new TakeOver({ db, client, taskQueue, workerId, log: telemetry.log });
  // Before the worker is created: the tasks wait for its first poll. A failure is repeated with the lease.
  if (isAlone) void takeOverEnded(db, takeOver).catch(() => {});
  const sessions = new ServedSessions(SERVING_PLACES);
  const begins = new RunBegins();
  let lease: HeldLease | null = null;
  const worker = await SessionWorker.create({
    connection,
    identity: workerId,
    namespace: to.namespace,
    taskQueue,
    workflowBundle,
    interceptors: { activity: activityTracing(telemetry.tracing) },
    activities: createActivities(
      {
        ...settings,
        memories,
        releases,
        mcp,
        deployment,
        telemetry,
        limiter,
        pauses,
        requestExpiryCheck: expiryCheckRequester(client),
        requestBackground: backgroundRequester(client, taskQueue),
        workflows: workflowStarter(client),
        runs: runWorkflows(client, taskQueue),
        isServer: isServer(client),
        isCutOff: () => lease?.isCutOff() ?? false,
        draining: sessions.draining,
        commands: sessionCommands(client, taskQueue),
        userExecutions: (user, onFound) => userExecutions(client, user, onFound),
        workerId,
      },
      sessions,
      begins,
    ),
    ...workerTuning(settings, workerDataConverter(payloadCodecs, telemetry.log)),
    ...versioned,
  });
  const children: ChildDeps = {
    ...settings,
    deployment,
    pauses,
    telemetry,
    runs: runWorkflows(client, taskQueue),
    requestExpiryCheck: expiryCheckRequester(client),
    prices: createPriceTable(deployment.prices, deployment.models),
    commits: createCommitObserver(telemetry, { isTool: (name) => agents.tool(name) !== undefined, attempt: () => 1 }),
  };
  const schedules = settings.schedules ?? taskQueue === TASK_QUEUE;
  if (schedules) await scheduleMaintenance(client, taskQueue, deployment.maintenance ?? {});
  const upkeep = startUpkeep(
    {
      db,
      agents,
      deployment,
      memories,
      models: settings.models,
      telemetry,
      client,
      connection,
      address: to.address,
      namespace,
      taskQueue,
      workerId,
      versioning: settings.versioning,
      schedules,
      failed,
      continueChildren: async (quietForMs, signal) => {
        await continueChildren(children, { quietForMs }, signal);
        await cancelAbandoned({ db, workflows: workflowStarter(client) });
      },
    },
    settings.lostSessions ?? {},
  );
  const takesWork = () => worker.getState() === 'RUNNING';
  const held = await holdWorkerLease(db, {
    workerId,
    taskQueue,
    buildId,
    takesWork,
    begun: () => begins.read(),
    isAlone,
    onRenewed: [
      () => repeatNotifications(db, workerId, sessions),
      () => stopServingClosed(client, taskQueue, sessions),
      () => releases.refresh(),
      async (signal, mayJudge) => {
        if (mayJudge) await takeOver.run(signal);
      },
    ],
  });
  lease = held;
  const done = worker.run().finally(async () => {
    await upkeep.stop();
    await held.stop();
    await limiter.stop();
    await pauses.stop();
    await mcp.close();
    if (to.open === undefined) await connection.close();
  });
  done.catch(() => {});
  return {
    done,
    ready: async () => {
      if (!takesWork()) return false;
      await connection.workflowService.describeNamespace({ namespace: to.namespace });
      return true;
    },
    workflowsReady: async () => (await missingSearchAttributes(connection, namespace)).length === 0,
    stop: async () => {
      if (takesWork()) worker.shutdown();
      sessions.drain();
      // So that it is no longer counted while its activities end.
      await held.renew();
      await done;
    },
  };
}

/** Takes over the sessions of the processes that had an embedded store before this one. */
async function takeOverEnded(db: Db, takeOver: TakeOver): Promise<void> {
  await endOtherLeases(db);
  await takeOver.run(new AbortController().signal);
}
