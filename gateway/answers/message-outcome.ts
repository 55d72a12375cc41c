import { z } from 'zod';
import { oneOffKey } from '../../client/temporal/one-off-key.ts';
import { jsonObjectSchema } from '../../contracts/json-schema.ts';
import { inboxItemSchema, type InboxItem } from '../../contracts/session/inbox-item.ts';
import { endsRun } from '../../contracts/events/event-traits.ts';
import { receiptSchema, type Receipt } from '../../contracts/session/message.ts';
import { runRecordSchema, runStatusSchema, usageSchema, type RunRecord } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../../store/db/db.ts';
import { listPendingItems } from '../../store/inbox/list-items.ts';
import { endedRun, readMessage, readRefusal, readRefusals, type Refusal } from '../../store/read/read-message.ts';
import type { Reader } from '../feed/reader.ts';
import type { GatewayDeps } from './gateway-deps.ts';

/** The receipt of a message, and its run so far. */
export const messageOutcomeSchema = z.object({
  receipt: receiptSchema,
  /** `waiting` without a run: accepted, and no worker has processed it yet. `refused`: accepted, then refused by a worker. Otherwise the run's status. */
  status: z.enum(['refused', ...runStatusSchema.options]),
  /** Why a worker refused the message; null otherwise. */
  refusal: z.object({ code: z.string(), detail: z.string(), at: z.string() }).nullable(),
  /** The run's final text; null until it completed. */
  answer: z.string().nullable(),
  /** The structured answer; absent until the run completed with one. */
  object: jsonObjectSchema.optional(),
  usage: usageSchema.nullable(),
  run: runRecordSchema.nullable(),
  /** What the run waits for: approvals and client calls. Absent unless it waits. */
  approvals: z.array(inboxItemSchema).optional(),
  clientCalls: z.array(inboxItemSchema).optional(),
});
export type MessageOutcome = z.infer<typeof messageOutcomeSchema>;

/** The outcome of a message; null when the session has no such message. */
export async function readOutcome(db: Db, key: SessionKey, messageId: string): Promise<MessageOutcome | null> {
  const found = await readMessage(db, key, messageId);
  if (found === null) return null;
  const { receipt, run } = found;
  const items = run?.status === 'waiting' ? await readWaitingItems(db, key, run.id) : {};
  return { ...outcomeOf(receipt, run), ...items };
}

function outcomeOf(receipt: Receipt, run: RunRecord | null): MessageOutcome {
  const status = run?.status ?? 'queued';
  const answer = { answer: run?.output ?? null, ...(run?.object ? { object: run.object } : {}) };
  return { receipt, status, refusal: null, ...answer, usage: run?.usage ?? null, run };
}

/** The items that a run waits for, by kind. */
async function readWaitingItems(db: Db, key: SessionKey, runId: string): Promise<WaitingItems> {
  const items = (await listPendingItems(db, key)).filter((item) => item.runId === runId);
  return {
    approvals: items.filter(({ kind }) => kind === 'approval'),
    clientCalls: items.filter(({ kind }) => kind === 'client'),
  };
}

interface WaitingItems {
  readonly approvals: InboxItem[];
  readonly clientCalls: InboxItem[];
}

/**
 * The outcome of a message that the store has not admitted: whether it waits for a worker, or was accepted and then refused;
 * null when there is no such message. Throws `temporal_unavailable` when only Temporal could tell.
 */
export async function readAcceptedOutcome(
  { db, sender }: Pick<GatewayDeps, 'db' | 'sender'>,
  key: SessionKey,
  messageId: string,
): Promise<MessageOutcome | null> {
  const [refusal, pending] = await Promise.all([
    readRefusal(db, key, messageId),
    sender.pending(key, 'session').catch((error: unknown) => ({ error })),
  ]);
  const received = 'error' in pending ? undefined : pending.received.get(messageId);
  const outcome = acceptedOutcome({ messageId, runId: null }, refusal, received);
  if (outcome === null && 'error' in pending) throw pending.error;
  return outcome;
}

/** As {@link readAcceptedOutcome}, of the message of a run without a session, which is known by the run's id only. */
export async function readAcceptedRun(
  { db, sender }: Pick<GatewayDeps, 'db' | 'sender'>,
  key: SessionKey,
): Promise<MessageOutcome | null> {
  const [refusals, pending] = await Promise.all([
    readRefusals(db, key),
    sender.pending(key, 'run').catch((error: unknown) => ({ error })),
  ]);
  const isOfRun = (messageId: string): boolean => oneOffKey(key.user, messageId).session === key.session;
  const refused = refusals.find(({ messageId }) => isOfRun(messageId));
  const [receivedId, received] = 'error' in pending ? [] : ([...pending.received].find(([id]) => isOfRun(id)) ?? []);
  const messageId = receivedId ?? refused?.messageId;
  if (messageId !== undefined) {
    return acceptedOutcome({ messageId, runId: key.session }, refused?.refusal ?? null, received);
  }
  if ('error' in pending) throw pending.error;
  return null;
}

function acceptedOutcome(
  of: { readonly messageId: string; readonly runId: string | null },
  refusal: Refusal | null,
  received: 'waiting' | 'taken' | undefined,
): MessageOutcome | null {
  const receipt = { ...of, disposition: 'accepted', position: null } as const;
  const accepted = { receipt, answer: null, usage: null, run: null };
  // A message that was refused may have been sent again.
  if (refusal !== null && received !== 'waiting') return { ...accepted, status: 'refused', refusal };
  if (received !== undefined) return { ...accepted, status: 'waiting', refusal: null };
  return null;
}

export function hasEnded(outcome: MessageOutcome | null): boolean {
  const status = outcome?.run?.status;
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/**
 * Waits until the run that answers an admitted message has ended, or waits for an answer itself, and reads the outcome once, or not at all if this process has ended the run. `reader`
 * must start before the message. Resolves with null when the reader is closed first.
 */
export async function waitForOutcome(
  db: Db,
  key: SessionKey,
  receipt: Receipt,
  reader: Reader,
): Promise<MessageOutcome | null> {
  const { messageId, runId } = receipt;
  for (;;) {
    const frames = await reader.next();
    if (frames === null) return null;
    const types = frames.flatMap(({ event }) =>
      event !== null && 'runId' in event && event.runId === runId ? event.type : [],
    );
    const mayWait = types.some((type) => type === 'approval.requested' || type === 'client_call.requested');
    if (!mayWait && !types.some(endsRun)) continue;
    const ended = runId === null ? null : endedRun(db, key, runId);
    if (ended) return outcomeOf(receipt, ended);
    const outcome = await readOutcome(db, key, messageId);
    // The run may have been resumed meanwhile.
    if (hasEnded(outcome)) return outcome;
    if (!mayWait || outcome === null) continue;
    // Its other calls may still be made, but it cannot end without an answer, unless somebody has answered already.
    const items = await readWaitingItems(db, key, outcome.run?.id ?? '');
    if (items.approvals.length + items.clientCalls.length > 0) return { ...outcome, status: 'waiting', ...items };
  }
}

/** Whether the run of a message goes on only once somebody answers. One that waits for other agents goes on by itself. */
export function waitsForAnswer(outcome: MessageOutcome | null): boolean {
  const { approvals = [], clientCalls = [] } = outcome ?? {};
  return approvals.length + clientCalls.length > 0;
}
