import { canonicalJson } from '../../../contracts/canonical-json.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { resolvePolicy } from '../../../core/policy.ts';
import { programCallId } from '../../../core/programs/program-call-id.ts';
import { publishAppended } from '../../../live/publish-appended.ts';
import type { InputRequired, McpAnswer, McpAnswers, McpQuestion } from '../../../mcp/elicitation.ts';
import { McpError } from '../../../mcp/mcp-error.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { askQuestions, type NewQuestion } from '../../../store/runs/questions/ask-questions.ts';
import { readQuestions, type RecordedQuestion } from '../../../store/runs/questions/read-questions.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import { workerLeft } from '../../shared/worker-left.ts';
import type { ToolRun } from '../claimed-call.ts';
import { answerOf, argumentsOf, ASK_USER, waitOf } from './question-arguments.ts';
import { untilAnswered } from './until-answered.ts';

/** The questions that a server asks the user in one call: those of earlier attempts and executions, and the new ones. */
export class CallQuestions {
  readonly #deps: ActivityDeps;
  readonly #run: ToolRun;
  /** The call in which the server asks. */
  readonly #callId: string;
  readonly #server: string;
  readonly #recorded: readonly RecordedQuestion[];
  /** Recorded questions that the server has asked again. */
  readonly #repeated = new Set<RecordedQuestion>();
  #count: number;

  static async read(deps: ActivityDeps, run: ToolRun, callId: string, server: string): Promise<CallQuestions> {
    const recorded = await readQuestions(deps.db, run.key, { runId: run.runId, callId });
    return new CallQuestions(deps, run, { callId, server, recorded });
  }

  private constructor(
    deps: ActivityDeps,
    run: ToolRun,
    { callId, server, recorded }: { callId: string; server: string; recorded: readonly RecordedQuestion[] },
  ) {
    this.#deps = deps;
    this.#run = run;
    this.#callId = callId;
    this.#server = server;
    this.#recorded = recorded;
    this.#count = Math.max(0, ...recorded.map(({ call }) => call.position));
  }

  /** The `callId` of each question with which the call has ended on the server, and which has no answer. */
  get waiting(): readonly string[] {
    return this.#round.flatMap(({ call }) => (call.status === 'waiting' ? [call.call_id] : []));
  }

  /** The answers with which the call is made again; null for a call that has not ended with questions. */
  get answers(): McpAnswers | null {
    const [first] = this.#round;
    if (!first?.item.rules.elicitation) return null;
    const answers = this.#round.map((one) => [one.item.rules.elicitation?.key ?? '', answerOf(one)] as const);
    return { answers: Object.fromEntries(answers), state: first.item.rules.elicitation.state };
  }

  /** Records the questions with which the call has ended on the server, and suspends the call. Returns the `callId` of each. */
  async suspend({ questions, state }: InputRequired): Promise<readonly string[]> {
    const round = this.#lastRound + 1;
    const entries = Object.entries(questions);
    this.#checkCount(entries.length);
    const asked = entries.map(([key, question], at): NewQuestion => {
      const { rules, ...wait } = waitOf(this.#run.agent, question);
      const waits = { ...wait, rules: { ...rules, elicitation: { round, key, state } } };
      return { index: this.#count + at + 1, arguments: argumentsOf(this.#server, question), waits };
    });
    this.#count += asked.length;
    await this.#save(asked, true);
    return asked.map(({ index }) => programCallId(this.#callId, index));
  }

  /**
   * Asks over the open call, for `waitMs` at most, and resolves with the answer. A question that an earlier attempt has asked in the same words
   * is not asked again. `gone`: the server no longer waits for the answer.
   */
  async ask(question: McpQuestion, waitMs: number, gone: AbortSignal): Promise<McpAnswer> {
    if (this.#deps.draining.aborted) return { action: 'cancel' };
    const callId = await this.#idOf(question, waitMs);
    const over = AbortSignal.any([gone, this.#deps.draining]);
    return answerOf(await untilAnswered(this.#deps, this.#run, { program: this.#callId, callId, gone: over }));
  }

  async #idOf(question: McpQuestion, waitMs: number): Promise<string> {
    const args = argumentsOf(this.#server, question);
    const same = this.#recorded.find((one) => !this.#repeated.has(one) && isAgain(one, canonicalJson(args)));
    if (same) {
      this.#repeated.add(same);
      return same.call.call_id;
    }
    this.#checkCount(1);
    const index = (this.#count += 1);
    await this.#save([{ index, arguments: args, waits: waitOf(this.#run.agent, question, waitMs) }], false);
    return programCallId(this.#callId, index);
  }

  #checkCount(more: number): void {
    const limit = LIMITS.mcpQuestions.value;
    if (this.#count + more > limit)
      throw new McpError(
        `The MCP server ${JSON.stringify(this.#server)} asks the user more than ${limit} questions in one call.`,
        { mayHaveTakenEffect: true },
      );
  }

  async #save(questions: readonly NewQuestion[], suspends: boolean): Promise<void> {
    const { db, deployment } = this.#deps;
    const { key, runId, agent } = this.#run;
    const session = await readSession(db, key);
    const { whileWaiting } = resolvePolicy(deployment.policy, agent.spec.policy, session?.policy);
    const asked = { runId, callId: this.#callId, questions, tool: ASK_USER, suspends };
    const saved = await askQuestions(db, key, { ...asked, holdsQueue: whileWaiting === 'queue' });
    if (!saved) throw workerLeft('The call has ended.');
    publishAppended(this.#deps, key, saved.events);
  }

  /** The questions of the newest round. */
  get #round(): readonly RecordedQuestion[] {
    const last = this.#lastRound;
    return this.#recorded.filter(({ item }) => item.rules.elicitation?.round === last);
  }

  get #lastRound(): number {
    return Math.max(0, ...this.#recorded.map(({ item }) => item.rules.elicitation?.round ?? 0));
  }
}

/** Whether a question was asked over an open call in the same words, and waits or was answered by somebody. */
function isAgain({ call, item }: RecordedQuestion, args: string): boolean {
  const counts = item.status === 'pending' || item.status === 'answered';
  return counts && item.rules.elicitation === undefined && canonicalJson(call.arguments) === args;
}
