import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { AnsweringUser } from '../../../core/tools/may-answer.ts';
import type { Db } from '../../../store/db/db.ts';
import type { AnswerRequest } from '../../../store/inbox/answer-item.ts';
import { listPendingItems } from '../../../store/inbox/list-items.ts';
import type { WaitingCall } from '../../../store/items/request-item.ts';
import type { InboxRules } from '../../../store/log/rows.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import type { CommittedCall } from '../../../store/steps/new-calls.ts';
import { beginModel, call, pin, replyTo, started } from '../conversation.ts';

export const USER: AnsweringUser = { user: 'ann', isOperator: false, groups: [] };
export const OPERATOR: AnsweringUser = { user: 'olga', isOperator: true, groups: [] };

const RULES: InboxRules = {
  onExpiry: 'reject',
  remindMs: [],
  mayAnswer: ['user', 'operators'],
  fourEyes: false,
  schema: null,
};

/** What a call waits for. Default: an approval, for an hour. */
export function waits(
  rules: Partial<InboxRules> = {},
  { kind = 'approval', expiresMs = 3_600_000 }: Partial<Omit<WaitingCall, 'rules'>> = {},
): WaitingCall {
  return { kind, expiresMs, rules: { ...RULES, ...rules } };
}

/** A call that waits for an approval. */
export function asked(callId: string, overrides: Partial<CommittedCall> = {}): CommittedCall {
  return call(callId, { tool: 'pay', arguments: { euros: 5 }, idempotent: false, waits: waits(), ...overrides });
}

/** Creates a session whose run waits for the answers to these calls. Returns the ids of the items, in the order of the calls. */
export async function waitingRun(
  db: Db,
  calls: readonly CommittedCall[],
  { key, holdsQueue = true }: { readonly key?: SessionKey; readonly holdsQueue?: boolean } = {},
): Promise<{ readonly key: SessionKey; readonly runId: string; readonly items: readonly string[] }> {
  const run = await started(db, ...(key ? [key] : []));
  const items = await waitIn(db, run.key, run.runId, calls, holdsQueue);
  return { ...run, items };
}

/** Commits a step of a run with these calls, and lets the run wait. */
export async function waitIn(
  db: Db,
  key: SessionKey,
  runId: string,
  calls: readonly CommittedCall[],
  holdsQueue = true,
): Promise<readonly string[]> {
  const position = await beginModel(db, key, runId);
  await commitStep(db, key, { ...replyTo(runId, position, { toolCalls: calls }), holdsQueue });
  const { kind } = await beginStep(db, key, { runId, pin });
  if (kind !== 'waiting' && kind !== 'tools') throw new Error(`The run is at ${kind}.`);
  const items = await listPendingItems(db, key);
  return calls.flatMap(({ callId }) => items.find((item) => item.runId === runId && item.callId === callId)?.id ?? []);
}

/** An answer by the user of the session. */
export function answerTo<Answer>(itemId: string, answer: Answer, by: AnsweringUser = USER): AnswerRequest<Answer> {
  return { itemId, answer, by, violationsOf: () => [] };
}

/** Makes the deadline of an item be over. */
export async function letExpire(db: Db, key: SessionKey, itemId: string): Promise<void> {
  await db.query(
    `UPDATE perdure.inbox SET expires_at = clock_timestamp() - interval '1 ms'
      WHERE user_id = $1 AND session_id = $2 AND item_id = $3`,
    [key.user, key.session, itemId],
  );
}
