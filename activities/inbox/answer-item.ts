import { answerApprovalSchema, answerClientCallSchema } from '../../contracts/session/commands.ts';
import { schemaViolations } from '../../admission/schema-violations.ts';
import { groupsOf, type AnsweringUser } from '../../core/tools/may-answer.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import type { Db } from '../../store/db/db.ts';
import {
  answerApproval as answerApprovalInStore,
  answerClientCall as answerClientCallInStore,
  type AnsweredItem,
  type AnswerRequest,
} from '../../store/inbox/answer-item.ts';
import { recordAnswer } from '../../telemetry/record-answer.ts';
import type { AnswerOutput, SessionActivities } from '../shared/contract.ts';
import { callingSession } from '../shared/calling-session.ts';
import { command, parse } from '../shared/command-failure.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** Answers an approval of the calling session. */
export function answerApproval(
  deps: ActivityDeps,
  { request }: Parameters<SessionActivities['answerApproval']>[0],
): Promise<AnswerOutput> {
  return answerItem(deps, answerApprovalInStore, () => parse(answerApprovalSchema, request));
}

/** Hands in the result of a client tool's call of the calling session. */
export function answerClientCall(
  deps: ActivityDeps,
  { request }: Parameters<SessionActivities['answerClientCall']>[0],
): Promise<AnswerOutput> {
  return answerItem(deps, answerClientCallInStore, () => parse(answerClientCallSchema, request));
}

/** Throws as `store` and `read` do, as a failure of the command. */
function answerItem<Answer>(
  deps: ActivityDeps,
  store: (db: Db, key: SessionKey, request: AnswerRequest<Answer>) => Promise<AnsweredItem>,
  read: () => Sender & { readonly itemId: string; readonly answer: Answer },
): Promise<AnswerOutput> {
  const { key } = callingSession();
  return command(async () => {
    const { itemId, answer, ...sender } = read();
    const given = { itemId, answer, by: answererOf(deps, key.user, sender), violationsOf: schemaViolations };
    return publishAnswer(deps, await store(deps.db, key, given));
  });
}

interface Sender {
  readonly by?: string | undefined;
  readonly operator?: boolean | undefined;
}

/** A Temporal client is a trusted backend: it names whom it answers for. */
function answererOf(
  { deployment }: ActivityDeps,
  owner: string,
  { by: user = owner, operator = false }: Sender,
): AnsweringUser {
  return { user, isOperator: operator, groups: groupsOf(deployment.groups, user) };
}

function publishAnswer(
  deps: ActivityDeps,
  { item, others, elsewhere, events, wakes, session, served }: AnsweredItem,
): AnswerOutput {
  const { id, answeredAt, answeredBy } = item;
  publishAppended(deps, callingSession().key, events);
  for (const { key, kind, session: of, events: own, wakes: run, served: isServed, epoch } of elsewhere) {
    publishAppended(deps, key, own);
    if (run && !isServed)
      void deps.runs.wake({ key, kind, agent: of.agent, run, served: false, epoch }).catch(() => {});
  }
  const items = [item, ...others, ...elsewhere.flatMap(({ items: own }) => own)];
  for (const one of items) recordAnswer(deps.telemetry.metrics, one);
  return {
    session,
    openRuns: wakes && !served ? [wakes] : [],
    item: { id, answeredAt: answeredAt ?? '', answeredBy: answeredBy ?? '' },
  };
}
