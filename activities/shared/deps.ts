import type { AgentRegistry } from '../../agents/agent-registry.ts';
import type { Deployment } from '../../contracts/deployment.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { CurrentPauses } from '../../core/pauses/current-pauses.ts';
import type { UserRotation } from '../../core/load/user-rotation.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import type { ContextCopies } from '../../redis/context-copies.ts';
import type { McpServers } from '../../mcp/mcp-servers.ts';
import type { Memories } from '../../memory/create-memories.ts';
import type { ModelDirectory } from '../../models/model-client.ts';
import type { PriceTable } from '../../models/price-table.ts';
import type { TokenMeter } from '../../models/token-meter.ts';
import type { Db } from '../../store/db/db.ts';
import type { CommitObserver } from '../../telemetry/commit-observer.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import type { AgentReleases } from './agent-releases.ts';
import type { AskEvaluator } from './evaluations.ts';
import type { IsServer } from './temporal/is-server.ts';
import type { RunWorkflows } from './temporal/run-workflows.ts';
import type { ProviderLimiter } from './provider-limiter.ts';
import type { SessionCommands } from './temporal/session-commands.ts';
import type { UserExecutions } from './temporal/user-executions.ts';
import type { WorkflowStarter } from './temporal/workflow-starter.ts';

/** The dependencies of activities. */
export interface ActivityDeps {
  readonly db: Db;
  readonly live: LiveChannel;
  /** Copies of contexts for other workers. Absent without Redis. */
  readonly redis?: { readonly contexts: ContextCopies } | undefined;
  readonly agents: AgentRegistry;
  /** Versions of agents that are released to a share of users. Absent: every user has the worker's. */
  readonly releases?: Pick<AgentReleases, 'versionFor'> | undefined;
  readonly models: ModelDirectory;
  readonly memories: Memories;
  readonly mcp: McpServers;
  readonly deployment: Deployment;
  readonly telemetry: Telemetry;
  /** Counts and logs what activities commit; see `publishAppended`. */
  readonly commits: CommitObserver;
  readonly limiter: ProviderLimiter;
  /** What operators have paused. */
  readonly pauses: CurrentPauses;
  /** Finding and claiming what is next in a session: users take turns. */
  readonly turns: UserRotation;
  readonly prices: PriceTable;
  readonly tokens: TokenMeter;
  /** Signals the workflow of a session that was expired, archived or deleted elsewhere, so that it completes. Never rejects. */
  readonly requestExpiryCheck: (key: SessionKey) => Promise<void>;
  /** Signals the workflow of a session that has calls left for the background. Never rejects: upkeep repeats the signal. */
  readonly requestBackground: (session: {
    readonly key: SessionKey;
    readonly kind: 'session' | 'run';
  }) => Promise<void>;
  readonly askEvaluator: AskEvaluator;
  readonly workflows: WorkflowStarter;
  readonly runs: RunWorkflows;
  readonly isServer: IsServer;
  /** Whether the worker has lost its lease because the store does not respond to it. */
  readonly isCutOff: () => boolean;
  /** Commands to workflows of sessions, for batches. */
  readonly commands: SessionCommands;
  /** The executions of one user, for an erasure. `onFound` is called with the run ids of executions before they are deleted. */
  readonly userExecutions: (user: string, onFound: (runIds: readonly string[]) => Promise<void>) => UserExecutions;
  /** Aborted when the worker begins to shut down: what waits for people ends, so that calls in progress can end within the grace period. */
  readonly draining: AbortSignal;
  /** The worker's identity in the store. */
  readonly workerId: string;
}
