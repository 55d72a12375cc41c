import type { KnownPauses } from '../../admission/known-pauses.ts';
import type { TemporalSender } from '../../client/temporal/temporal-sender.ts';
import type { Deployment } from '../../contracts/deployment.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import type { Memories } from '../../memory/create-memories.ts';
import type { Db } from '../../store/db/db.ts';
import type { CommitObserver } from '../../telemetry/commit-observer.ts';
import type { AnsweringUser } from '../../core/tools/may-answer.ts';
import type { AdmitMessage } from './admit-message.ts';
import type { AgentDirectory } from './agent-directory.ts';
import type { CommitAnswer } from './item-answers.ts';
import type { RefuseOverload } from './refuse-overload.ts';
import type { Feed } from '../feed/feed.ts';
import type { UserTurns } from '../feed/user-turns.ts';
import type { Caller } from '../http/caller.ts';

/** Dependencies of the routes. */
export interface GatewayDeps {
  readonly db: Db;
  readonly live: LiveChannel;
  /** Counts and logs what the gateway itself commits; see `publishAppended`. */
  readonly commits: CommitObserver;
  readonly sender: TemporalSender;
  readonly admit: AdmitMessage;
  /** Commits the answer to an approval or a client call. */
  readonly commitAnswer: CommitAnswer;
  /** What determines whether a user may answer an item. */
  readonly answeringUser: (caller: Caller) => AnsweringUser;
  readonly refuseOverload: RefuseOverload;
  readonly agents: AgentDirectory;
  readonly deployment: Deployment;
  /** What operators have paused. */
  readonly pauses: KnownPauses;
  readonly memories: Memories;
  readonly feed: Feed;
  /** Reads of many events: a few at once for each user. */
  readonly turns: UserTurns;
}
