import type { StepRecord } from '../../contracts/session/run.ts';
import type { ModelCallFact, RunFacts } from './run-facts.ts';

/** A try of a model call with its times in ms of the run; where tries were not recorded one by one, several in one. */
export interface ModelTry {
  readonly step: number;
  readonly attempt: number;
  /** Earlier tries of the step that are in this stretch too, because nothing tells them apart. */
  readonly merged: number;
  readonly startMs: number;
  /** Since when this try was due: the end of the one before it. Null for a first try. */
  readonly dueMs: number | null;
  /** Null while it lasts. */
  readonly endMs: number | null;
  readonly firstTokenMs: number | null;
  readonly error: string | null;
}

/** Every model call of a run, in order. `ms` turns a time into ms of the run. */
export function modelTries(facts: RunFacts, ms: (time: string) => number): ModelTry[] {
  return facts.steps.flatMap((step) => {
    const recorded = facts.modelCalls.filter((call) => call.step === step.step);
    if (recorded.length === 0) return [stepTry(step, facts, ms)];
    return recorded.map((call, index) => recordedTry(call, recorded[index - 1], recorded[index + 1], facts, ms));
  });
}

/** A try whose end nobody wrote down ended, at the latest, when the next one began. */
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
  return { step, attempt, merged: 0, startMs, dueMs, endMs, firstTokenMs, error };
}

/** From the step's row alone: its last try took what its reply says, and what was before that cannot be told apart. */
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
  return { step: step.step, attempt: attempts, merged, startMs: begunMs, dueMs, endMs, firstTokenMs, error };
}

function endOf(time: string | null, ms: (time: string) => number): number | null {
  return time === null ? null : ms(time);
}
