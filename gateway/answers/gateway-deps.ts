import type { TemporalSender } from '../../client/temporal/temporal-sender.ts';
import type { Deployment } from '../../contracts/deployment.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import type { Db } from '../../store/db/db.ts';
import type { CommitObserver } from '../../telemetry/commit-observer.ts';
import type { AgentDirectory } from './agent-directory.ts';
import type { Feed } from '../feed/feed.ts';
import type { IsOperator } from '../http/operators.ts';

/** Dependencies of the routes. */
export interface GatewayDeps {
  readonly db: Db;
  readonly live: LiveChannel;
  /** Counts and logs what the gateway itself commits; see `publishAppended`. */
  readonly commits: CommitObserver;
  readonly sender: TemporalSender;
  readonly agents: AgentDirectory;
  readonly deployment: Deployment;
  readonly feed: Feed;
  readonly isOperator: IsOperator;
}
