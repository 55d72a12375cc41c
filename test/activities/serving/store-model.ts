import type { OpenRun } from '../../../core/session/run-queue.ts';
import type { NextRun } from '../../../store/serving/find-next-run.ts';

export interface ModelRun extends OpenRun {
  status: 'queued' | 'running' | 'ended';
  attempts: number;
  /** Whether the newest attempt returned to the workflow instead of making its model call. */
  isGivenUp: boolean;
}

/** The store of one session. Each method is one transaction. */
export class StoreModel {
  readonly runs: ModelRun[] = [];
  /** Ids of the runs in the order in which they ended. */
  readonly ended: string[] = [];
  /** Model calls that were begun for a run while an earlier one of it had not been given up. */
  doubled = 0;
  servedBy: string | null = null;
  epoch = 0;

  add(): ModelRun {
    const ordinal = this.runs.length + 1;
    const run: ModelRun = {
      runId: `run ${ordinal}`,
      ordinal,
      urgent: false,
      status: 'queued',
      attempts: 0,
      isGivenUp: false,
    };
    this.runs.push(run);
    return run;
  }

  open(): ModelRun[] {
    const open = this.runs.filter(({ status }) => status !== 'ended');
    return open.toSorted(
      (a, b) => Number(b.status === 'running') - Number(a.status === 'running') || a.ordinal - b.ordinal,
    );
  }

  begin(
    runId: string,
    worker: string,
    epoch: number | null,
    follows: number,
  ): 'superseded' | 'ended' | { epoch: number; attempt: number } {
    if ((epoch ?? follows) !== this.epoch) return 'superseded';
    const run = this.find(runId);
    if (run.status === 'ended') return 'ended';
    if (epoch === null) {
      this.servedBy = worker;
      this.epoch += 1;
    }
    run.status = 'running';
    run.attempts += 1;
    if (run.attempts > 1 && !run.isGivenUp) this.doubled += 1;
    run.isGivenUp = false;
    return { epoch: this.epoch, attempt: run.attempts };
  }

  commit(runId: string, attempt: number): boolean {
    const run = this.find(runId);
    if (run.status !== 'running' || run.attempts !== attempt) return false;
    run.status = 'ended';
    this.ended.push(runId);
    return true;
  }

  find(runId: string): ModelRun {
    const run = this.runs.find((one) => one.runId === runId);
    if (!run) throw new Error(`There is no run ${runId}.`);
    return run;
  }
}

export function openRun({ runId, ordinal, urgent }: ModelRun): NextRun {
  return { runId, ordinal, urgent, traceparent: null };
}
