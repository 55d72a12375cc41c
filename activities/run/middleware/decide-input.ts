import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { messagePartSchema } from '../../../contracts/attachments/content-parts.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { refusalSchema, type InputDecision } from '../../../contracts/session/input-decision.ts';
import type { TranscriptEntry } from '../../../contracts/session/transcript.ts';
import { decidedEntry } from '../../../core/conversation/decided-entry.ts';
import { publishAppended } from '../../../live/publish-appended.ts';
import { recordInput } from '../../../store/steps/record-input.ts';
import type { AgentMiddleware } from '../../middleware/agent-middleware.ts';
import { AttemptEnded } from './attempt-calls.ts';
import { changedMessage, decidedMessage, type MessageInHook } from './changed-message.ts';
import { callStepHook, checkedResult, type HookedAttempt } from './step-hooks.ts';

/** The conversation with the decisions on its messages, and the decision that ends the run before a model call, if there is one. */
export interface DecidedInput {
  readonly entries: readonly TranscriptEntry[];
  readonly end: Exclude<InputDecision, { kind: 'pass' }> | null;
}

const text = z.string().refine((value) => Buffer.byteLength(value) <= LIMITS.messageBytes.value, 'is too large');

/** As large as the parts of a message that is sent. */
const changedParts = z
  .array(messagePartSchema)
  .max(LIMITS.contentParts.value)
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= LIMITS.inlineMessageBytes.value, 'are too large');

/** What the step or the run ends with, instead of a call. */
export const refusalResultSchema = z.strictObject({ refuse: refusalSchema });

const resultSchema = z.union([
  z.undefined(),
  z.null(),
  z.strictObject({
    change: z.record(z.string(), z.union([text, z.strictObject({ parts: changedParts })])),
  }),
  refusalResultSchema,
  z.strictObject({ answer: text }),
]);

/**
 * Has the `input` hooks decide on the messages of the run that were not decided before, each hook on what the one before has
 * left, and records the decision before anything follows from it. A decision that is recorded is not made again.
 */
export async function decideInput(
  attempt: HookedAttempt,
  middleware: readonly AgentMiddleware[],
  entries: readonly TranscriptEntry[],
): Promise<DecidedInput> {
  const { runId } = attempt.task;
  const messages = undecided(entries, runId);
  if (messages.length === 0 || middleware.every(({ input }) => input === null))
    return { entries, end: endOf(entries, runId) };
  const { contents, decision, changedBy } = await decide(attempt, middleware, messages);
  const { key, position, contexts } = attempt.task;
  const { step, attempt: number, conversation } = position;
  const decided = messages.map((entry) => decidedMessage(entry, contents.get(entry.messageId)));
  const record = { runId, step, attempt: number, messages: decided, decision, changedBy };
  const events = await recordInput(attempt.deps.db, key, record);
  if (events === null) throw new AttemptEnded({ kind: 'stale' });
  contexts.append(key, conversation.createdAt, events);
  publishAppended(attempt.deps, key, events);
  const [event] = events;
  if (event?.type !== 'input.decided') throw new Error('A decision was recorded without its event.');
  const applied = entries.map((entry) =>
    entry.role === 'user' && entry.runId === runId && !entry.decision ? decidedEntry(entry, [event]) : entry,
  );
  return { entries: applied, end: endOf(applied, runId) };
}

type UserEntry = Extract<TranscriptEntry, { role: 'user' }>;

function undecided(entries: readonly TranscriptEntry[], runId: string): readonly UserEntry[] {
  return entries.filter(
    (entry): entry is UserEntry => entry.role === 'user' && entry.runId === runId && entry.decision === undefined,
  );
}

/** The decision that ends the run now: a refusal, or an answer to messages that no reply follows. */
function endOf(entries: readonly TranscriptEntry[], runId: string): DecidedInput['end'] {
  const own = entries.filter((entry) => entry.runId === runId);
  const lastReply = own.findLastIndex(({ role }) => role === 'assistant');
  for (const [at, entry] of own.entries()) {
    if (entry.role !== 'user' || entry.decision === undefined || entry.decision.kind === 'pass') continue;
    if (entry.decision.kind === 'refuse' || at > lastReply) return entry.decision;
  }
  return null;
}

interface Decided {
  readonly contents: ReadonlyMap<string, MessageInHook>;
  readonly decision: InputDecision;
  readonly changedBy: readonly string[];
}

async function decide(
  attempt: HookedAttempt,
  middleware: readonly AgentMiddleware[],
  messages: readonly UserEntry[],
): Promise<Decided> {
  const contents = new Map<string, MessageInHook>(
    messages.map(({ messageId, content, parts }) => [messageId, { content, ...(parts ? { parts } : {}) }]),
  );
  const changedBy: string[] = [];
  for (const one of middleware) {
    const { name, input } = one;
    if (input === null) continue;
    const given = [...contents].map(([id, message]) => ({ id, ...message }));
    const returned = await callStepHook(attempt, one, (call) => input({ ...call, messages: given }));
    const result = checkedResult(one, resultSchema, returned ?? undefined, 'a decision') ?? { change: {} };
    if ('refuse' in result)
      return { contents, changedBy, decision: { kind: 'refuse', middleware: name, reason: result.refuse } };
    if ('answer' in result)
      return { contents, changedBy, decision: { kind: 'answer', middleware: name, text: result.answer } };
    let isChanged = false;
    for (const [id, change] of Object.entries(result.change)) {
      const before = contents.get(id);
      const after = before && changedMessage(one, before, change);
      if (after === undefined || isDeepStrictEqual(before, after)) continue;
      contents.set(id, after);
      isChanged = true;
    }
    if (isChanged) changedBy.push(name);
  }
  return { contents, changedBy, decision: { kind: 'pass' } };
}
