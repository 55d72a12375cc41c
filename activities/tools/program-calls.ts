import { Mutex, Semaphore } from 'async-mutex';
import { ToolError } from '../../agents/define-tool.ts';
import { canonicalJson } from '../../contracts/canonical-json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { programCallId } from '../../core/programs/program-call-id.ts';
import { RecordedOutcomes } from '../../core/programs/recorded-outcomes.ts';
import { isNestedDeeper } from '../../core/tools/is-nested-deeper.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import type { CallSettlement, ProgramCall } from '../../sandbox/program.ts';
import type { ToolCallRow } from '../../store/log/rows.ts';
import { readProgram, type RecordedCall } from '../../store/programs/read-program.ts';
import type { ProgramClaim } from '../../store/programs/start-program-call.ts';
import type { ToolOutcome } from '../../store/runs/close-call.ts';
import { finishTools } from '../../store/runs/finish-tools.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { workerLeft } from '../shared/worker-left.ts';
import { claimTool } from './claim-tool.ts';
import type { ToolRun } from './claimed-call.ts';
import { executeClaimedCalls } from './execute-claimed-calls.ts';
import { newProgramCall } from './new-program-call.ts';

const DIVERGED = 'After an interruption the program did not repeat the calls that it had made, so it cannot go on.';

/** Makes the calls of one execution of a program: each is recorded, executed and committed before the program gets its outcome. */
export class ProgramCalls {
  readonly #deps: ActivityDeps;
  readonly #run: ToolRun;
  /** The `callId` of the program. */
  readonly #program: string;
  readonly #recorded: ReadonlyMap<number, RecordedCall>;
  readonly #outcomes: RecordedOutcomes;
  readonly #places = new Semaphore(LIMITS.programCallsAtOnce.value);
  /** The program gets outcomes in the order of their commits. */
  readonly #commits = new Mutex();
  readonly #open = new Set<Promise<unknown>>();
  readonly #waiting = new Set<string>();
  readonly #suspended = Promise.withResolvers<never>();
  /** Number of outcomes that the program was sent, and of those after which it waited. */
  #sent = 0;
  #settled = -1;

  constructor(deps: ActivityDeps, run: ToolRun, program: string, recorded: readonly RecordedCall[]) {
    this.#deps = deps;
    this.#run = run;
    this.#program = program;
    this.#recorded = new Map(recorded.map((call) => [call.index, call]));
    const ended = recorded.flatMap(({ index, endedSeq }) => (endedSeq === null ? [] : [{ index, endedSeq }]));
    this.#outcomes = new RecordedOutcomes(
      ended.toSorted((one, other) => one.endedSeq - other.endedSeq).map(({ index }) => index),
    );
    this.#suspended.promise.catch(() => {});
  }

  /** The `callId` of each call that waits for somebody. */
  get waitsFor(): readonly string[] {
    return [...this.#waiting];
  }

  /** Makes a call, or gives the outcome that it had before. Rejects when the program has to end. */
  async make(call: ProgramCall): Promise<CallSettlement> {
    const making = this.#make(call);
    this.#open.add(making);
    try {
      const outcome = await making;
      this.#sent += 1;
      return outcome;
    } finally {
      this.#open.delete(making);
    }
  }

  /** Takes note that the program waits after `settled` outcomes. Throws if it has not repeated what it did before. */
  onWait(settled: number): void {
    this.#settled = settled;
    if (this.#outcomes.hasDiverged(settled)) throw new ToolError(DIVERGED);
    this.#suspendIfIdle();
  }

  /** Resolves when no call is executed. Those that wait for somebody go on waiting. */
  async ended(): Promise<void> {
    this.#suspend();
    while (this.#open.size > 0) await Promise.allSettled(this.#open);
  }

  async #make(call: ProgramCall): Promise<CallSettlement> {
    const maxDepth = LIMITS.toolArgumentsDepth.value;
    if (isNestedDeeper(call.arguments, maxDepth)) {
      return { error: `The arguments were not accepted: they are nested on more than ${maxDepth} levels.` };
    }
    const recorded = this.#recorded.get(call.index);
    if (recorded && !isSame(recorded, call)) throw new ToolError(DIVERGED);
    if (recorded && recorded.endedSeq !== null) {
      await this.#outcomes.turnOf(call.index);
      return settlementOf(recorded.row);
    }
    if (recorded?.row.status === 'waiting') return await this.#wait(call);
    const done = await this.#places.runExclusive(() => this.#execute(call, recorded !== undefined));
    return done === 'waits' ? await this.#wait(call) : done;
  }

  async #execute(call: ProgramCall, isRecorded: boolean): Promise<CallSettlement | 'waits'> {
    const { key, runId } = this.#run;
    const start = isRecorded ? null : await newProgramCall(this.#deps, this.#run, this.#program, call);
    const claim = await this.#commits.runExclusive(() => (start ? start() : this.#claimAgain(call)));
    publishAppended(this.#deps, key, claim.events);
    if (claim.claim === 'waits') return 'waits';
    if (claim.claim === 'closed') {
      await this.#outcomes.given;
      return settlementOf(await this.#readClosed(call));
    }
    const claimed = { ...claim, callId: programCallId(this.#program, call.index) };
    const results = await executeClaimedCalls(this.#deps, this.#run, [claimed]);
    await this.#outcomes.given;
    return await this.#commits.runExclusive(async () => {
      const { events } = await finishTools(this.#deps.db, key, { runId, results });
      publishAppended(this.#deps, key, events);
      const [result] = results;
      if (!result || events.length === 0) throw workerLeft('The call of the program has ended.');
      return settlement(call.tool, result.outcome);
    });
  }

  /** Waits for the answer of somebody. It reaches another execution of the program: this one is suspended when all of its calls wait. */
  async #wait({ index }: ProgramCall): Promise<never> {
    this.#waiting.add(programCallId(this.#program, index));
    this.#suspendIfIdle();
    return await this.#suspended.promise;
  }

  #suspendIfIdle(): void {
    if (this.#settled === this.#sent && this.#waiting.size > 0 && this.#waiting.size === this.#open.size)
      this.#suspend();
  }

  #suspend(): void {
    this.#suspended.reject(new ToolError('The program waits for an answer.'));
  }

  /** Claims a call that was approved, or whose worker is lost. */
  async #claimAgain({ index, tool }: ProgramCall): Promise<ProgramClaim> {
    const { key, runId, agent } = this.#run;
    return await claimTool(this.#deps, key, { runId, callId: programCallId(this.#program, index), tool, agent });
  }

  async #readClosed({ index }: ProgramCall): Promise<ToolCallRow> {
    const { key, runId } = this.#run;
    const { calls } = await readProgram(this.#deps.db, key, { runId, callId: this.#program });
    const closed = calls.find((call) => call.index === index);
    if (!closed || closed.endedSeq === null) throw workerLeft('The program has ended.');
    return closed.row;
  }
}

function isSame({ row: { tool }, arguments: args }: RecordedCall, call: ProgramCall): boolean {
  return tool === call.tool && canonicalJson(args) === canonicalJson(call.arguments);
}

function settlementOf({ tool, status, result, error }: ToolCallRow): CallSettlement {
  return status === 'completed'
    ? { result }
    : settlement(tool, { status: status === 'unknown' ? status : 'failed', error: error ?? '' });
}

/** What the program gets. It has to find out itself whether a call with an unknown outcome has taken effect. */
function settlement(tool: string, outcome: ToolOutcome): CallSettlement {
  if (outcome.status === 'completed') return { result: outcome.result };
  const unknown = outcome.status === 'unknown' ? `The outcome of ${tool} is unknown; it may have taken effect. ` : '';
  return { error: `${unknown}${outcome.error}` };
}
