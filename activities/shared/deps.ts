import type { AgentRegistry } from '../../agents/agent-registry.ts';
import type { Deployment } from '../../contracts/deployment.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import type { ModelDirectory } from '../../models/model-client.ts';
import type { PriceTable } from '../../models/price-table.ts';
import type { Db } from '../../store/db/db.ts';
import type { CommitObserver } from '../../telemetry/commit-observer.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import type { ProviderLimiter } from './provider-limiter.ts';
import type { WorkflowStarter } from './workflow-starter.ts';

/** The dependencies of activities. */
export interface ActivityDeps {
  readonly db: Db;
  readonly live: LiveChannel;
  readonly agents: AgentRegistry;
  readonly models: ModelDirectory;
  readonly deployment: Deployment;
  readonly telemetry: Telemetry;
  /** Counts and logs what activities commit; see `publishAppended`. */
  readonly commits: CommitObserver;
  readonly limiter: ProviderLimiter;
  readonly prices: PriceTable;
  /** Signals the workflow of a session that was expired, archived or deleted elsewhere, so that it completes. Never rejects. */
  readonly requestExpiryCheck: (key: SessionKey) => Promise<void>;
  readonly workflows: WorkflowStarter;
}
