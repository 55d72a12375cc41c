import type { PerdureEvent } from '../../contracts/events/event.ts';
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
    const run = 'runId' in event && event.runId !== undefined ? this.#runs.get(event.runId) : undefined;
    switch (event.type) {
      case 'run.started':
        this.#set(event.runId, {
          ended: false,
          nextStep: run?.nextStep ?? 1,
          openCalls: run?.openCalls ?? new Set(),
        });
        return;
      case 'message.completed':
        if (run) run.nextStep = event.step + 1;
        return;
      case 'tool.called':
        run?.openCalls.add(event.callId);
        return;
      case 'tool.completed':
      case 'tool.failed':
      case 'tool.unknown':
      case 'tool.cancelled':
        run?.openCalls.delete(event.callId);
        return;
      case 'run.completed':
      case 'run.failed':
      case 'run.cancelled':
        if (run) run.ended = true;
        return;
      case 'session.opened':
      case 'session.recovered':
      case 'session.updated':
      case 'session.ended':
      case 'session.failed':
      case 'session.expired':
      case 'session.archived':
      case 'message.received':
      case 'message.refused':
      case 'input.decided':
      case 'reasoning.completed':
      case 'context.rebuilt':
      case 'approval.requested':
      case 'approval.reminded':
      case 'approval.decided':
      case 'approval.expired':
      case 'approval.withdrawn':
      case 'client_call.requested':
      case 'client_call.reminded':
      case 'client_call.answered':
      case 'client_call.expired':
      case 'client_call.withdrawn':
      case 'context.summarized':
      case 'budget.warned':
      case 'budget.released':
        return;
      default:
        event satisfies never;
    }
  }

  /** Replaces the state of a run with the store's. */
  loadRun(run: RunDetail): void {
    const committed = run.stepList.filter((step) => step.committed).map((step) => step.step);
    const open = run.toolCalls.filter((call) => ['pending', 'running', 'waiting'].includes(call.status));
    this.#set(run.id, {
      ended: !['queued', 'running', 'waiting'].includes(run.status),
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
