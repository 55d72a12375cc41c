import { PerdureError } from '../../contracts/errors.ts';
import type { Json } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { ApprovalAnswer, ClientAnswer, InboxItem, InboxKind } from '../../contracts/session/inbox-item.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { Violations } from '../../core/output/check-answer.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import { mayAnswer, type AnsweringUser } from '../../core/tools/may-answer.ts';
import type { Db, Tx } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import { lockExistingSession, touch, type LockedSession } from '../log/lock-session.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import type { InboxRow, ToolCallRow } from '../log/rows.ts';
import { endKey, itemFields } from '../items/item-fields.ts';
import { loadItem } from '../items/load-items.ts';
import { closeCall, type ToolOutcome } from '../runs/close-call.ts';
import { loadRun, type LoadedRun } from '../runs/load-run.ts';
import { resumeProgram } from '../programs/resume-program.ts';
import { openRunOf } from '../runs/order-open-runs.ts';
import { approveElsewhere, type ApprovedElsewhere } from './approve-elsewhere.ts';
import { approveRemembered, type ApprovedOthers, type RememberedApproval } from './approve-remembered.ts';
import { rememberApproval } from './approval-rules.ts';
import { continueRun } from './continue-run.ts';
import { inboxItemOf } from './inbox-record.ts';

export interface AnswerRequest<Answer> {
  readonly itemId: string;
  readonly answer: Answer;
  readonly by: AnsweringUser;
  /** Compares arguments or a result with the item's JSON Schema. */
  readonly violationsOf: (value: Json, schema: Readonly<Record<string, unknown>>) => Violations;
}

export interface AnsweredItem {
  readonly item: InboxItem;
  /** Those that were settled with it, because the answer is remembered. */
  readonly others: readonly InboxItem[];
  /** What was settled with it in other sessions of the user, because the answer is remembered for the user. */
  readonly elsewhere: readonly ApprovedElsewhere[];
  readonly events: PerdureEvent[];
  /** The run that goes on, the first one of several, for the session's workflow; null if none does: they wait for other answers, or have not begun to wait. */
  readonly wakes: OpenRun | null;
  readonly kind: 'session' | 'run';
  readonly session: { readonly status: SessionStatus; readonly agent: string };
  /** Whether an activity serves the session: it finds the run without the workflow. */
  readonly served: boolean;
  readonly epoch: number;
}

/**
 * Answers an approval: an approved call is executed, with the edited arguments if there are any; a rejected one has failed. Throws
 * `not_found`, `forbidden`, `already_decided` and `invalid_request`.
 */
export async function answerApproval(
  db: Db,
  key: SessionKey,
  request: AnswerRequest<ApprovalAnswer>,
): Promise<AnsweredItem> {
  const { answer, by } = request;
  const { decision, reason = null, arguments: edited, remember } = answer;
  const forUser: RememberedApproval[] = [];
  const committed = await answerItem(db, key, request, {
    kind: 'approval',
    hash: answer.hash,
    checked: edited === undefined ? null : { value: edited, field: 'arguments', limit: 'toolArgumentsBytes' },
    settle: async ({ tx, session, pending, item, call, loaded }) => {
      item.decision = decision;
      item.reason = reason;
      if (edited !== undefined) item.edited = { arguments: edited };
      pending.add(
        {
          type: 'approval.decided',
          ...itemFields(item),
          decision,
          by: by.user,
          reason,
          ...(edited === undefined ? {} : { arguments: edited }),
          ...(remember === undefined ? {} : { remember }),
        },
        endKey(item),
      );
      if (decision === 'reject') {
        const error = `The call was not approved.${reason === null ? '' : ` Reason: ${reason}`}`;
        closeCall(pending, call, { status: 'failed', error }, session.at, null);
        return null;
      }
      call.status = 'pending';
      if (edited !== undefined) call.arguments = edited;
      if (remember === undefined) return null;
      await rememberApproval(tx, session, item, remember, by.user);
      if (remember === 'user') forUser.push({ item, by });
      return await approveRemembered(tx, session, pending, { item, by }, loaded);
    },
  });
  const [remembered] = forUser;
  if (!remembered) return committed;
  // After the commit: each session has its own lock. The answer stands whatever happens here.
  return { ...committed, elsewhere: await approveElsewhere(db, key, remembered).catch(() => []) };
}

/** Hands in the result of a client tool's call, why it failed, or that the user does not answer. Throws as {@link answerApproval}, and `too_large`. */
export async function answerClientCall(
  db: Db,
  key: SessionKey,
  request: AnswerRequest<ClientAnswer>,
): Promise<AnsweredItem> {
  const { answer, by } = request;
  return await answerItem(db, key, request, {
    kind: 'client',
    hash: answer.hash,
    checked: 'result' in answer ? { value: answer.result, field: 'result', limit: 'toolResultBytes' } : null,
    settle: async ({ session, pending, item, call }) => {
      const action = 'action' in answer ? { action: answer.action } : {};
      pending.add({ type: 'client_call.answered', ...itemFields(item), by: by.user, ...action }, endKey(item));
      item.decision = action.action ?? null;
      closeCall(pending, call, clientOutcome(answer), session.at, null);
      return null;
    },
  });
}

const REFUSED = {
  decline: 'The user declined to answer.',
  cancel: 'The question was closed without an answer.',
} as const;

function clientOutcome(answer: ClientAnswer): ToolOutcome {
  if ('result' in answer) return { status: 'completed', result: answer.result };
  return { status: 'failed', error: 'action' in answer ? REFUSED[answer.action] : answer.error };
}

interface Answering {
  readonly kind: InboxKind;
  readonly hash: string | undefined;
  /** What is compared with the item's schema; null for nothing. */
  readonly checked: {
    readonly value: Json;
    readonly field: string;
    readonly limit: 'toolArgumentsBytes' | 'toolResultBytes';
  } | null;
  /** Changes item and call. Returns what else it changes. */
  readonly settle: (parts: {
    readonly tx: Tx;
    readonly session: LockedSession;
    readonly pending: PendingEvents;
    readonly item: InboxRow;
    readonly call: ToolCallRow;
    readonly loaded: LoadedRun;
  }) => Promise<ApprovedOthers | null>;
}

async function answerItem(
  db: Db,
  key: SessionKey,
  { itemId, by, violationsOf }: Pick<AnswerRequest<unknown>, 'itemId' | 'by' | 'violationsOf'>,
  { kind, hash, checked, settle }: Answering,
): Promise<AnsweredItem> {
  // Before the lock: what an answer is compared with never changes.
  check(key, await loadItem(db, key, itemId), { kind, by, hash });
  if (checked) checkValue(await loadItem(db, key, itemId), checked, violationsOf);
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const item = await loadItem(tx, key, itemId);
    check(key, item, { kind, by, hash });
    if (Date.parse(session.at) >= Date.parse(item.expires_at)) throw expired(item);
    const loaded = await loadRun(tx, key, item.run_id);
    const { openCalls } = loaded;
    const call = openCalls.find(({ call_id: id, status }) => id === item.call_id && status === 'waiting');
    if (!call) throw new Error(`The call of the pending inbox item ${itemId} does not wait.`);
    const pending = pendingEvents(session);
    item.status = 'answered';
    item.answered_at = session.at;
    item.answered_by = by.user;
    item.remind_at = null;
    const others = await settle({ tx, session, pending, item, call, loaded });
    touch(session);
    const program = resumeProgram(openCalls, call);
    const runs = [loaded, ...(others?.runs ?? [])];
    const continued = runs.filter((one) => continueRun(session, one.run, one.openCalls));
    const events = await appendEvents(tx, session, pending, {
      runs: runs.map((one) => one.run),
      toolCalls: [...new Set([call, ...(program ? [program] : []), ...(others?.toolCalls ?? [])])],
      inbox: [item, ...(others?.inbox ?? [])],
    });
    const { status, agent, served_by, epoch, kind: sessionKind } = session.row;
    return {
      item: inboxItemOf(item, key),
      others: (others?.inbox ?? []).map((other) => inboxItemOf(other, key)),
      elsewhere: [],
      events,
      wakes: continued[0] ? openRunOf(continued[0].run) : null,
      kind: sessionKind,
      session: { status, agent },
      served: served_by !== null,
      epoch,
    };
  });
}

/** Throws if somebody may not answer, the item is of another kind or call, or it is not pending. */
function check(
  { user, session }: SessionKey,
  item: InboxRow,
  { kind, by, hash }: { kind: InboxKind; by: AnsweringUser; hash: string | undefined },
): void {
  const name = JSON.stringify(item.item_id);
  if (item.kind !== kind) {
    const [is, use] =
      item.kind === 'approval' ? ['an approval', 'approvals'] : ['a call of a client tool', 'client-calls'];
    throw new PerdureError(
      'invalid_request',
      `The inbox item ${name} is ${is}. Answer it under /v1/sessions/${encodeURIComponent(session)}/${use}.`,
    );
  }
  if (!mayAnswer(item.rules, by, user)) {
    throw new PerdureError(
      'forbidden',
      `The user ${JSON.stringify(by.user)} may not answer ${name}. The agent's setting approvals.mayAnswer names who may.`,
    );
  }
  if (hash !== undefined && hash !== item.hash) {
    throw new PerdureError(
      'invalid_request',
      `The hash is not that of the inbox item ${name}: it belongs to another call. Read the item again.`,
    );
  }
  if (item.status === 'pending') return;
  throw item.status === 'answered' ? answered(item) : over(item);
}

function answered({ item_id, answered_by, answered_at }: InboxRow): PerdureError {
  return new PerdureError(
    'already_decided',
    `The inbox item ${JSON.stringify(item_id)} was answered by ${JSON.stringify(answered_by)} at ${iso(answered_at)}.`,
  );
}

function over(item: InboxRow): PerdureError {
  if (item.status === 'expired') return expired(item);
  return new PerdureError(
    'already_decided',
    `The inbox item ${JSON.stringify(item.item_id)} was withdrawn: its run has ended.`,
  );
}

function expired({ item_id, expires_at }: InboxRow): PerdureError {
  return new PerdureError(
    'already_decided',
    `The inbox item ${JSON.stringify(item_id)} expired at ${iso(expires_at)}.`,
  );
}

function checkValue(
  { rules }: InboxRow,
  { value, field, limit }: NonNullable<Answering['checked']>,
  violationsOf: AnswerRequest<unknown>['violationsOf'],
): void {
  const bytes = Buffer.byteLength(JSON.stringify(value));
  const most = LIMITS[limit].value;
  if (bytes > most) {
    throw new PerdureError('too_large', `The field ${field} has ${bytes} bytes as JSON; the limit is ${most}.`);
  }
  const violations = rules.schema === null ? [] : violationsOf(value, rules.schema);
  if (violations.length === 0) return;
  const problems =
    violations === 'unchecked'
      ? `it could not be checked within ${LIMITS.outputCheckMs.value} ms`
      : violations.slice(0, 10).join(' ');
  throw new PerdureError('invalid_request', `The field ${field} does not match the schema of the item: ${problems}`);
}

function iso(time: string | null): string {
  return new Date(time ?? 0).toISOString();
}
