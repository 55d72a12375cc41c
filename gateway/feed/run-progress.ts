import { endsRun, type PerdureEvent } from '../../contracts/session/event.ts';
import type { RunDetail } from '../../contracts/session/run.ts';

/** Runs that are remembered: one goes at a time, so older ones matter to stragglers only. */
const REMEMBERED = 16;

/** Where a run is, as far as its durable events tell. */
interface Progress {
  ended: boolean;
  /** The step that may speak next. */
  next: number;
  /** Tool calls without a result. */
  readonly open: Set<string>;
}

/**
 * `now`: everything that comes before it was seen. `over`: it is of something that was seen to be done.
 * `unknown`: the store may know more.
 */
export type Verdict = 'now' | 'over' | 'unknown';

/** Tells from durable events whether something live comes in its time, too late, or ahead of a lost bell. */
export class RunProgress {
  readonly #runs = new Map<string, Progress>();

  note(event: PerdureEvent): void {
    if (!('runId' in event) || event.runId === undefined) return;
    if (event.type === 'run.started') {
      const known = this.#runs.get(event.runId);
      this.#remember(event.runId, { ended: false, next: known?.next ?? 1, open: known?.open ?? new Set() });
      return;
    }
    const run = this.#runs.get(event.runId);
    if (run === undefined) return;
    if (endsRun(event.type)) run.ended = true;
    else if (event.type === 'message.completed') run.next = event.step + 1;
    else if (event.type === 'tool.called') run.open.add(event.callId);
    else if ('callId' in event) run.open.delete(event.callId);
  }

  /** Takes a run as the store has it. */
  learn(run: RunDetail): void {
    const committed = run.stepList.filter((step) => step.committed).map((step) => step.step);
    const open = run.toolCalls.filter((call) => call.status === 'pending' || call.status === 'running');
    this.#remember(run.id, {
      ended: run.status !== 'queued' && run.status !== 'running',
      next: Math.max(0, ...committed) + 1,
      open: new Set(open.map((call) => call.callId)),
    });
  }

  ofStep(runId: string, step: number): Verdict {
    const run = this.#runs.get(runId);
    if (run === undefined) return 'unknown';
    if (step < run.next) return 'over';
    // A run that ended may have been resumed: the store knows.
    return step === run.next && run.open.size === 0 && !run.ended ? 'now' : 'unknown';
  }

  ofCall(runId: string, step: number, callId: string): Verdict {
    const run = this.#runs.get(runId);
    if (run?.open.has(callId) === true && !run.ended) return 'now';
    return run === undefined || step >= run.next ? 'unknown' : 'over';
  }

  /** Whether the run is known to have ended. */
  ended(runId: string): boolean {
    return this.#runs.get(runId)?.ended === true;
  }

  #remember(runId: string, progress: Progress): void {
    this.#runs.delete(runId);
    this.#runs.set(runId, progress);
    const oldest = this.#runs.keys().next().value;
    if (this.#runs.size > REMEMBERED && oldest !== undefined) this.#runs.delete(oldest);
  }
}
