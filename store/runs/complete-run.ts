import type { JsonObject } from '../../contracts/json.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import type { RunRow } from '../log/rows.ts';
import { costRecordOf, usageOf } from '../log/sums.ts';

export interface RunAnswer {
  readonly output: string;
  readonly object: JsonObject | undefined;
  /** Of a run with more than one model. */
  readonly answerModel: string | undefined;
}

/** Records the answer of a run. */
export function setAnswer(run: RunRow, { output, object, answerModel }: RunAnswer): void {
  run.output = output;
  run.object = object ?? null;
  run.answer_model = answerModel ?? null;
}

/** Completes a run with its recorded answer. */
export function completeRun({ at, row }: LockedSession, pending: PendingEvents, run: RunRow): void {
  const { output, object, answer_model: answerModel } = run;
  run.status = 'completed';
  run.ended_at = at;
  row.last_active_at = at;
  row.recovered = null;
  pending.add(
    {
      type: 'run.completed',
      runId: run.run_id,
      output: output ?? '',
      ...(object ? { object } : {}),
      ...(answerModel === null ? {} : { answerModel }),
      steps: run.steps,
      usage: usageOf(run),
      costUsd: costRecordOf(run).costUsd,
    },
    `end:${run.run_id}:${run.resumes}`,
  );
}
