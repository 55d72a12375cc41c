import { endsRun, type PerdureEvent } from '../../contracts/session/event.ts';
import type { RunDetail } from '../../contracts/session/run.ts';

/** Runs to remember. A session has one current run; older ones matter only for late live events. */
const MAX_RUNS = 16;

/** The state of a run according to its durable events. */
interface RunState {
  ended: boolean;
  /** The step that may stream now. */
  nextStep: number;
  /** Tool calls without a result. */
  readonly openCalls: Set<string>;
}

/**
 * Where a live event is relative to the durable events seen so far. `current`: all durable events that precede it were
 * seen. `past`: its step or call is complete. `unknown`: the store may have more.
 */
export type LiveTiming = 'current' | 'past' | 'unknown';

/** Tracks the runs of a session by their durable events, to order live events among them. */
export class RunProgress {
  readonly #runs = new Map<string, RunState>();

  recordEvent(event: PerdureEvent): void {
    if (!('runId' in event) || event.runId === undefined) return;
    if (event.type === 'run.started') {
      const known = this.#runs.get(event.runId);
      this.#set(event.runId, {
        ended: false,
        nextStep: known?.nextStep ?? 1,
        openCalls: known?.openCalls ?? new Set(),
      });
      return;
    }
    const run = this.#runs.get(event.runId);
    if (run === undefined) return;
    if (endsRun(event.type)) run.ended = true;
    else if (event.type === 'message.completed') run.nextStep = event.step + 1;
    else if (event.type === 'tool.called') run.openCalls.add(event.callId);
    else if ('callId' in event) run.openCalls.delete(event.callId);
  }

  /** Replaces the state of a run with the store's. */
  loadRun(run: RunDetail): void {
    const committed = run.stepList.filter((step) => step.committed).map((step) => step.step);
    const open = run.toolCalls.filter((call) => call.status === 'pending' || call.status === 'running');
    this.#set(run.id, {
      ended: run.status !== 'queued' && run.status !== 'running',
      nextStep: Math.max(0, ...committed) + 1,
      openCalls: new Set(open.map((call) => call.callId)),
    });
  }

  timingOfStep(runId: string, step: number): LiveTiming {
    const run = this.#runs.get(runId);
    if (run === undefined) return 'unknown';
    if (step < run.nextStep) return 'past';
    // A run that ended may have been resumed, so the store must be read.
    return step === run.nextStep && run.openCalls.size === 0 && !run.ended ? 'current' : 'unknown';
  }

  timingOfCall(runId: string, step: number, callId: string): LiveTiming {
    const run = this.#runs.get(runId);
    if (run?.openCalls.has(callId) === true && !run.ended) return 'current';
    return run === undefined || step >= run.nextStep ? 'unknown' : 'past';
  }

  /** Whether the run is known to have ended. */
  hasEnded(runId: string): boolean {
    return this.#runs.get(runId)?.ended === true;
  }

  #set(runId: string, state: RunState): void {
    this.#runs.delete(runId);
    this.#runs.set(runId, state);
    const oldest = this.#runs.keys().next().value;
    if (this.#runs.size > MAX_RUNS && oldest !== undefined) this.#runs.delete(oldest);
  }
}
