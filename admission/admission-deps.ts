import type { AgentRegistry } from '../agents/agent-registry.ts';
import type { Deployment } from '../contracts/deployment.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { CurrentPauses } from '../core/pauses/current-pauses.ts';
import type { LiveChannel } from '../live/live-channel.ts';
import type { PriceTable } from '../models/price-table.ts';
import type { Db } from '../store/db/db.ts';
import type { CommitObserver } from '../telemetry/commit-observer.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** The dependencies of a process that admits messages. */
export interface AdmissionDeps {
  readonly db: Db;
  readonly live: Pick<LiveChannel, 'publish'>;
  readonly agents: Pick<AgentRegistry, 'agent' | 'defaultAgent' | 'list'>;
  readonly deployment: Deployment;
  /** What operators have paused. */
  readonly pauses: CurrentPauses;
  /** `provider/model` of agents that name none. Null if it is unknown: budgets are then not checked for the first call of such agents. */
  readonly defaultModel: string | null;
  readonly prices: PriceTable;
  /** Counts and logs what is committed; see `publishAppended`. */
  readonly commits: CommitObserver;
  readonly telemetry: Pick<Telemetry, 'events' | 'tracing'>;
  /** Signals the workflow of a session that was expired to make room, so that it completes. Never rejects. */
  readonly requestExpiryCheck: (key: SessionKey) => Promise<void>;
}
