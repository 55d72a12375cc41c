import type { AdmissionRequest, AdmissionDecision } from '../../store/admission/admission-request.ts';
import { commitAdmissions } from '../../store/admission/commit-admissions.ts';
import type { CommittedAdmissions } from '../../store/admission/committed-admissions.ts';
import { beginStep } from '../../store/steps/begin-step.ts';
import type { RunPosition } from '../../store/steps/run-position.ts';
import { commitStep, type CommitStep } from '../../store/steps/commit-step.ts';
import type { CommittedCall } from '../../store/steps/new-calls.ts';
import type { Db } from '../../store/db/db.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { Usage } from '../../contracts/session/run.ts';
import { randomUUID } from 'node:crypto';

export const USAGE: Usage = { inputTokens: 10, outputTokens: 5, cachedTokens: 2, reasoningTokens: 0 };

/** Returns a key that no other test uses. */
export function newKey(user = 'ann'): SessionKey {
  return { user, session: randomUUID() };
}

type Accepted = Extract<AdmissionDecision, { ok: true }>;
type ModelPosition = Extract<RunPosition, { kind: 'model' }>;
type BegunModel = ModelPosition & { readonly events: PerdureEvent[] };

export function admission(overrides: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    messages: [{ id: 'm1', content: 'hello' }],
    defaultAgent: 'assistant',
    knowsAgent: (name) => name === 'assistant' || name === 'other',
    kind: 'session',
    defaultWhileRunning: () => 'enqueue',
    execution: null,
    ...overrides,
  };
}

/** Admits one message. Throws if it is refused. */
export async function send(
  db: Db,
  key: SessionKey,
  message: AdmissionRequest['messages'][number],
  overrides: Partial<AdmissionRequest> = {},
): Promise<Accepted & Pick<CommittedAdmissions, 'events' | 'openRuns' | 'created'> & { readonly runId: string }> {
  const { results, events, openRuns, created } = await commitAdmissions(
    db,
    key,
    admission({ ...overrides, messages: [message] }),
  );
  const [result] = results;
  if (!result?.ok) throw new Error(`Refused: ${result?.code}`);
  return { ...result, events, openRuns, created, runId: result.receipt.runId as string };
}

/** Returns the refusal of one message. Throws if it is accepted. */
export async function refused(
  db: Db,
  key: SessionKey,
  message: AdmissionRequest['messages'][number],
  overrides: Partial<AdmissionRequest> = {},
): Promise<Extract<AdmissionDecision, { ok: false }>> {
  const { results } = await commitAdmissions(db, key, admission({ ...overrides, messages: [message] }));
  const [result] = results;
  if (!result || result.ok) throw new Error('The message was accepted.');
  return result;
}

export function pin(): { hash: string; model: string } {
  return { hash: 'version-1', model: 'scripted/one' };
}

/** Begins a step. Throws unless a model call is next. */
export async function beginModel(db: Db, key: SessionKey, runId: string): Promise<BegunModel> {
  const position = await beginStep(db, key, { runId, pin });
  if (position.kind !== 'model') throw new Error(`The run is at ${position.kind}.`);
  return position;
}

export function call(callId: string, overrides: Partial<CommittedCall> = {}): CommittedCall {
  return { callId, tool: 'clock', arguments: {}, inPlace: false, idempotent: true, refused: null, ...overrides };
}

interface ReplyParts {
  readonly text: string;
  readonly toolCalls: readonly CommittedCall[];
  readonly usage: Usage | null;
}

/** Returns the commit of a claimed model call. Without tool calls it completes the run. */
export function replyTo(
  runId: string,
  {
    step,
    attempt,
    throughSeq,
    claimed,
  }: Pick<ModelPosition, 'step' | 'attempt' | 'throughSeq'> & Partial<Pick<ModelPosition, 'claimed'>>,
  { text = 'an answer', toolCalls = [], usage = USAGE }: Partial<ReplyParts> = {},
): CommitStep {
  const finish = toolCalls.length > 0 ? 'tool_calls' : 'stop';
  return {
    runId,
    step,
    attempt,
    reply: { text, reasoning: '', finish, usage, model: 'one' },
    toolCalls,
    throughSeq,
    firstTokenMs: 20,
    durationMs: 100,
    ...(claimed && { claimed }),
    completes: toolCalls.length === 0,
  };
}

/** Sends a message and commits a reply that completes its run. */
export async function converse(db: Db, key: SessionKey, id: string, content = id): Promise<string> {
  const { runId } = await send(db, key, { id, content });
  const position = await beginModel(db, key, runId);
  await commitStep(db, key, replyTo(runId, position, { text: `answer to ${content}` }));
  return runId;
}

/** Creates a session with one queued run. */
export async function started(db: Db, key = newKey()): Promise<{ key: SessionKey; runId: string }> {
  const { runId } = await send(db, key, { id: 'm1', content: 'hi' });
  return { key, runId };
}

/** Creates a session whose run has committed a first step with these calls. */
export async function withCalls(db: Db, ...calls: CommittedCall[]): Promise<{ key: SessionKey; runId: string }> {
  const { key, runId } = await started(db);
  await commitStep(db, key, replyTo(runId, await beginModel(db, key, runId), { toolCalls: calls }));
  return { key, runId };
}

/** Resolves once the store's clock is at a later millisecond, so that later writes have later times. */
export async function nextMillisecond(db: Db): Promise<void> {
  const now = async () => {
    const [row] = await db.query<{ at: string }>(
      `SELECT date_trunc('milliseconds', clock_timestamp())::text AS at`,
      [],
    );
    return row?.at;
  };
  const before = await now();
  while ((await now()) === before);
}
