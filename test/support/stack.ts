import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { clientDataConverter } from '../../codec/client-data-converter.ts';
import type { AgentRegistry } from '../../agents/agent-registry.ts';
import { agentToolSpec } from '../../agents/agent-tool.ts';
import { versionOf } from '../../agents/agent-version.ts';
import {
  isApprovalEvaluator,
  isApprovalPredicate,
  type ApprovalEvaluator,
  type ApprovalPredicate,
} from '../../agents/approvals/define-approval.ts';
import type { ContextProvider, ContextProviderFactory } from '../../agents/context/context-provider.ts';
import type { Tool } from '../../agents/define-tool.ts';
import type { MiddlewareDefinition } from '../../agents/middleware/middleware.ts';
import { createTemporalSender, type TemporalSender } from '../../client/temporal/temporal-sender.ts';
import { toolNameOf } from '../../contracts/approvals/approval-settings.ts';
import type { AgentSpec } from '../../contracts/agent.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import { endsRun } from '../../contracts/events/event-traits.ts';
import type { Deployment } from '../../contracts/deployment.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { createInProcessLive } from '../../live/in-process.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import type { ModelDirectory } from '../../models/model-client.ts';
import type { Db } from '../../store/db/db.ts';
import { openMemoryStore } from './store/memory-store.ts';
import { readEvents } from '../../store/read/read-events.ts';
import { readHead } from '../../store/read/read-head.ts';
import type { UpkeepSettings } from '../../worker/upkeep/upkeep.ts';
import { createTelemetry, type Telemetry } from '../../telemetry/telemetry.ts';
import type { WorkerVersioning } from '../../worker/versioning/worker-versioning.ts';
import { startWorker, type RunningWorker } from '../../worker/start-worker.ts';
import { functionModels, type FunctionModel } from '../../testing/function-models.ts';

export interface StackOptions {
  /** `host:port` of a Temporal server. */
  readonly temporal: string;
  /** Default `default`. */
  readonly namespace?: string;
  readonly model: FunctionModel | ModelDirectory;
  readonly agents?: readonly AgentSpec[];
  readonly tools?: readonly Tool[];
  /** The context providers that agents may list. */
  readonly context?: readonly (ContextProvider | ContextProviderFactory)[];
  /** Middleware that agents may name. */
  readonly middleware?: readonly { readonly definition: MiddlewareDefinition }[];
  /** Predicates and evaluators of approvals that agents may name. */
  readonly approvals?: readonly (ApprovalPredicate | ApprovalEvaluator)[];
  /** Default: a store in memory, closed with the stack. */
  readonly db?: Db;
  readonly live?: LiveChannel;
  /** False: no worker runs until `startWorker` is called. */
  readonly worker?: boolean;
  /** Default 60,000 ms. */
  readonly ackTimeoutMs?: number;
  /** Default: that of the product. */
  readonly lostSessions?: UpkeepSettings;
  /** Whether clean-ups are scheduled. Default false. */
  readonly schedules?: boolean;
  readonly telemetry?: Telemetry;
  /** Whether the metrics of Temporal's SDK are included. */
  readonly temporalMetrics?: boolean;
  readonly deployment?: Deployment;
  readonly versioning?: WorkerVersioning;
  /** Of the worker and of `client`. */
  readonly payloadCodecs?: readonly PayloadCodec[];
}

/** A worker, a sender and a store in this process, on a separate task queue. */
export interface Stack extends AsyncDisposable {
  readonly db: Db;
  readonly live: LiveChannel;
  readonly client: Client;
  readonly sender: TemporalSender;
  readonly taskQueue: string;
  /** The worker's agents. */
  readonly telemetry: Telemetry;
  /** Creates a unique key. */
  key(session?: string): SessionKey;
  /** `payloadCodecs`: default those of the options. */
  startWorker(payloadCodecs?: readonly PayloadCodec[]): Promise<RunningWorker>;
  stopWorker(): Promise<void>;
  /** All durable events so far. */
  events(key: SessionKey): Promise<PerdureEvent[]>;
  /** Resolves with all events so far once `holds` returns true for them. Notified by the live channel. */
  until(key: SessionKey, holds: (events: readonly PerdureEvent[]) => boolean): Promise<PerdureEvent[]>;
  /** Resolves with all events so far once `runs` runs have ended. */
  ended(key: SessionKey, runs?: number): Promise<PerdureEvent[]>;
}

export async function startStack(options: StackOptions): Promise<Stack> {
  const db = options.db ?? (await openMemoryStore());
  const live = options.live ?? createInProcessLive();
  const models = typeof options.model === 'function' ? functionModels(options.model) : options.model;
  const agents = registry(
    options.agents ?? [{ name: 'assistant' }],
    options.tools ?? [],
    options.context,
    options.middleware,
    options.approvals,
  );
  const connection = await Connection.connect({ address: options.temporal });
  const { namespace = 'default' } = options;
  const client = new Client({ connection, namespace, dataConverter: clientDataConverter(options.payloadCodecs) });
  const taskQueue = `test-${randomUUID()}`;
  const telemetry = options.telemetry ?? createTelemetry();
  const sender = createTemporalSender({ client, taskQueue, ackTimeoutMs: options.ackTimeoutMs ?? 60_000 });
  const to = { address: options.temporal, namespace };
  const start = (payloadCodecs = options.payloadCodecs) =>
    startWorker({
      db,
      live,
      agents,
      models,
      connection: to,
      taskQueue,
      shutdownGraceMs: 1_000,
      lostSessions: options.lostSessions,
      schedules: options.schedules ?? false,
      telemetry,
      temporalMetrics: options.temporalMetrics,
      deployment: options.deployment,
      payloadCodecs,
      versioning: options.versioning,
    });
  let worker = options.worker === false ? null : await start();

  const events = async (key: SessionKey) => allEvents(db, key);
  const until: Stack['until'] = async (key, holds) => {
    for (;;) {
      const { promise: rung, resolve } = Promise.withResolvers<void>();
      const subscription = await live.subscribe(key, ({ kind }) => kind === 'appended' && resolve());
      try {
        const found = await events(key);
        if (holds(found)) return found;
        await rung;
      } finally {
        subscription.close();
      }
    }
  };
  const stop = async () => {
    await worker?.stop();
    await connection.close();
    await live.close();
    if (!options.db) await db.close();
  };
  return {
    db,
    live,
    client,
    sender,
    taskQueue,
    telemetry,
    key: (session = 'main') => ({ user: `user-${randomUUID().slice(0, 8)}`, session }),
    startWorker: async (payloadCodecs) => (worker = await start(payloadCodecs)),
    stopWorker: async () => {
      await worker?.stop();
      worker = null;
    },
    events,
    until,
    ended: (key, runs = 1) => until(key, (found) => found.filter(({ type }) => endsRun(type)).length >= runs),
    [Symbol.asyncDispose]: stop,
  };
}

/** Creates a registry of agents, tools, context providers and middleware. Agents get the tools that they name. */
export function registry(
  specs: readonly AgentSpec[],
  tools: readonly Tool[],
  context: StackOptions['context'] = [],
  middleware: StackOptions['middleware'] = [],
  approvals: StackOptions['approvals'] = [],
): AgentRegistry {
  const definitions = context.map(({ definition }) => definition);
  const all = [...tools, ...definitions.flatMap((definition) => definition.tools)];
  const versions = specs.map((spec) =>
    versionOf(spec, [
      ...tools.filter(({ name }) => spec.tools?.some((ref) => toolNameOf(ref) === name)),
      ...(spec.agentTools ?? []).map((tool) =>
        agentToolSpec(tool, specs.find(({ name }) => name === tool.agent) ?? { name: tool.agent }),
      ),
    ]),
  );
  return {
    defaultAgent: specs[0]?.name ?? 'assistant',
    agent: (name) => versions.find(({ spec }) => spec.name === name),
    list: () => specs,
    tool: (name) => all.find((tool) => tool.name === name),
    contextProvider: (name) => definitions.find((definition) => definition.name === name),
    approvalPredicate: (name) => approvals.filter(isApprovalPredicate).find((one) => one.name === name),
    approvalEvaluator: (name) => approvals.filter(isApprovalEvaluator).find((one) => one.name === name),
    middleware: (name) => middleware.find(({ definition }) => definition.name === name)?.definition,
  };
}

async function allEvents(db: Db, key: SessionKey): Promise<PerdureEvent[]> {
  const found: PerdureEvent[] = [];
  while (((await readHead(db, key)) ?? 0) > found.length) {
    const { events } = await readEvents(db, key, { after: found.length, limit: 1_000 });
    found.push(...events);
  }
  return found;
}
