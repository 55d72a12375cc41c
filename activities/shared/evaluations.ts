import { Mutex } from 'async-mutex';
import type { AgentVersion } from '../../contracts/agent.ts';
import type { ModelEvaluator } from '../../contracts/approvals/approval-settings.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { EvaluatorDecision } from '../../core/tools/decide-verdict.ts';
import type { CallToEvaluate } from '../../models/evaluation-request.ts';
import type { ModelCallRow } from '../../store/log/rows.ts';
import type { BegunCall } from '../../store/runs/call-beside-steps.ts';

/** A run of which a model is to decide about tool calls. */
export interface EvaluatingRun {
  readonly key: SessionKey;
  readonly runId: string;
  readonly agent: AgentVersion;
  /** Aborted with `Stopped`. */
  readonly signal: AbortSignal;
  readonly evaluations: Evaluations;
}

/**
 * Asks a model for a decision about a call; null if it gives none. `signal` ends the evaluation. The models of activities are in a room above that of
 * tools, so it is a dependency.
 */
export type AskEvaluator = (
  run: EvaluatingRun,
  evaluator: ModelEvaluator,
  call: CallToEvaluate,
  signal: AbortSignal,
) => Promise<EvaluatorDecision | null>;

/** The model calls that decide at the same time about the tool calls of a run. */
export class Evaluations {
  readonly #begins = new Mutex();
  readonly #attempts = new Set<number>();
  readonly #lostAfterMs: number;

  /** `lostAfterMs`: the age from which such a call that another activity has begun is lost. 0: there is no other activity. */
  constructor(lostAfterMs: number) {
    this.#lostAfterMs = lostAfterMs;
  }

  /** Records the begin of a call. One after the other, so that each is among the own ones before the next. */
  async begin(record: () => Promise<BegunCall>): Promise<BegunCall> {
    return await this.#begins.runExclusive(async () => {
      const begun = await record();
      if (begun.kind === 'begun') this.#attempts.add(begun.call.attempt);
      return begun;
    });
  }

  /** Whether nobody will report a call that is in progress at `at`. */
  isLost(runId: string, call: Pick<ModelCallRow, 'run_id' | 'attempt' | 'started_at'>, at: string): boolean {
    if (call.run_id === runId && this.#attempts.has(call.attempt)) return false;
    return Date.parse(at) - Date.parse(call.started_at) >= this.#lostAfterMs;
  }
}
