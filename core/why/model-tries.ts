import type { StepRecord } from '../../contracts/session/run.ts';
import type { ModelCallFact, RunFacts } from './run-facts.ts';

/** One try of a model call, with times in ms since the start of the run. Tries without records of their own are merged into one. */
export interface ModelTry {
  readonly step: number;
  readonly attempt: number;
  /** Number of earlier tries of the step that are merged into this one. */
  readonly merged: number;
  readonly startMs: number;
  /** The end of the previous try. Null for a first try. */
  readonly dueMs: number | null;
  /** Null while it is in progress. */
  readonly endMs: number | null;
  readonly firstTokenMs: number | null;
  readonly error: string | null;
  /** The model that was asked, for a run that may ask several; otherwise null. */
  readonly asked: string | null;
}

/** Returns the model calls of a run in order. `ms` converts a time to ms since the start of the run. */
export function modelTries(facts: RunFacts, ms: (time: string) => number): ModelTry[] {
  return facts.steps.flatMap((step) => {
    const recorded = facts.modelCalls.filter((call) => call.step === step.step);
    if (recorded.length === 0) return [stepTry(step, facts, ms)];
    return recorded.map((call, index) => recordedTry(call, recorded[index - 1], recorded[index + 1], facts, ms));
  });
}

/** A try without a recorded end ends when the next one begins, or with the run. */
function recordedTry(
  call: ModelCallFact,
  before: ModelCallFact | undefined,
  after: ModelCallFact | undefined,
  { run }: RunFacts,
  ms: (time: string) => number,
): ModelTry {
  const { step, attempt, firstTokenMs } = call;
  const error = call.error ?? (call.outcome === 'lost' ? 'lost' : null);
  const startMs = ms(call.startedAt);
  const dueMs = before === undefined ? null : ms(before.endedAt ?? call.startedAt);
  const endMs = endOf(call.endedAt ?? after?.startedAt ?? run.endedAt, ms);
  const asked = run.fallbackModels === undefined ? null : (call.requestedModel ?? null);
  return { step, attempt, merged: 0, startMs, dueMs, endMs, firstTokenMs, error, asked };
}

/** Derives the tries from the step's row: the last one takes the reply's duration, and the earlier ones are merged. */
function stepTry(step: StepRecord, facts: RunFacts, ms: (time: string) => number): ModelTry {
  const { run, replies } = facts;
  const { attempts, firstTokenMs } = step;
  const claimedMs = ms(step.startedAt);
  const endMs = endOf(step.endedAt ?? run.endedAt, ms);
  const reply = replies.find((one) => one.step === step.step);
  const begunMs =
    reply && endMs !== null ? Math.min(endMs, Math.max(claimedMs, endMs - Math.round(reply.durationMs))) : claimedMs;
  const merged = step.committed ? 0 : attempts - 1;
  const error = step.committed || run.endedAt === null ? null : (run.error?.code ?? run.status);
  const dueMs = step.committed && attempts > 1 ? claimedMs : null;
  return {
    step: step.step,
    attempt: attempts,
    merged,
    startMs: begunMs,
    dueMs,
    endMs,
    firstTokenMs,
    error,
    asked: null,
  };
}

function endOf(time: string | null, ms: (time: string) => number): number | null {
  return time === null ? null : ms(time);
}
