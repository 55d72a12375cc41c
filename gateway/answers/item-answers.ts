import type { Deployment } from '../../contracts/deployment.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { InboxItem } from '../../contracts/session/inbox-item.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { groupsOf, type AnsweringUser } from '../../core/tools/may-answer.ts';
import { publishAppended, type AppendedPorts } from '../../live/publish-appended.ts';
import type { AnsweredItem } from '../../store/inbox/answer-item.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { recordAnswer } from '../../telemetry/record-answer.ts';
import { isOperator, type Caller } from '../http/caller.ts';
import type { UpdateLimit } from './limit-updates.ts';
import type { SessionWaker } from './session-waker.ts';

/**
 * Commits an answer within the caller's share, publishes its events, and wakes the session's workflow if the run goes on. Resolves once
 * the answer is committed, whether or not Temporal responds. Throws the refusal.
 */
export type CommitAnswer = (
  caller: Caller,
  key: SessionKey,
  commit: (by: AnsweringUser) => Promise<AnsweredItem>,
) => Promise<InboxItem>;

export interface CommitAnswerDeps extends AppendedPorts {
  readonly answeringUser: (caller: Caller) => AnsweringUser;
  readonly waker: Pick<SessionWaker, 'wake'>;
  readonly within: UpdateLimit;
  readonly metrics: Metrics;
}

export function createCommitAnswer(deps: CommitAnswerDeps): CommitAnswer {
  const { live, commits, answeringUser, waker, within, metrics } = deps;
  return async (caller, key, commit) => {
    const by = answeringUser(caller);
    const answered = await within({ user: caller.user, session: key.session }, () => commit(by));
    const { item, others, elsewhere, events, wakes, kind, session, served, epoch } = answered;
    publishAppended({ live, commits }, key, events);
    // An activity that serves the session finds the run itself. Otherwise the workflow reads the open runs, whose order has changed.
    const reference = { session, run: null, interrupts: null, wasIdle: false, epoch };
    if (wakes !== null && !served) void waker.wake(key, kind, reference);
    for (const other of elsewhere) {
      publishAppended({ live, commits }, other.key, other.events);
      const woken = { ...reference, session: other.session, epoch: other.epoch };
      if (other.wakes !== null && !other.served) void waker.wake(other.key, other.kind, woken);
    }
    for (const one of [item, ...others, ...elsewhere.flatMap(({ items }) => items)]) recordAnswer(metrics, one);
    return item;
  };
}

/** What determines whether a caller may answer an item: the groups of the deployment file, and those that the credential names. */
export function createAnsweringUser(groups: Deployment['groups']): (caller: Caller) => AnsweringUser {
  return (caller) => ({
    user: caller.user,
    isOperator: isOperator(caller),
    groups: [...new Set([...groupsOf(groups, caller.user), ...caller.groups])],
  });
}

/** For somebody who may not see the items of a session: as if there were none. */
export function noSuchItem(key: SessionKey, itemId: string): PerdureError {
  return new PerdureError(
    'not_found',
    `The session ${JSON.stringify(key.session)} has no item ${JSON.stringify(itemId.slice(0, 100))} that you may see. GET /v1/inbox lists yours.`,
  );
}
