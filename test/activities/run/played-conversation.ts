import type { ContextCache } from '../../../activities/run/conversation/context-cache.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { transcript } from '../../../core/conversation/transcript.ts';
import { commitAdmissions } from '../../../store/admission/commit-admissions.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import type { Db } from '../../../store/db/db.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { commitSessionEnd } from '../../../store/sessions/commit-session-end.ts';
import { finishTools } from '../../../store/runs/finish-tools.ts';
import { readContext } from '../../../store/read/read-context.ts';
import { requeueRun } from '../../../store/sessions/requeue-run.ts';
import { admission, call, pin, replyTo } from '../../store/conversation.ts';
import { resolveBudgets } from '../../../core/money/budget.ts';
import { unreportedEnd } from '../../../store/budgets/model-call.ts';
import { beginSummary } from '../../../store/summaries/begin-summary.ts';
import { commitSummary } from '../../../store/summaries/commit-summary.ts';
import { backUpSession } from '../../support/store/session-backup.ts';

/** One run of a conversation that the test plays. */
interface Run {
  readonly runId: string;
  status: 'open' | 'over' | 'completed';
}

/** The call for a summary, without budgets. */
const SUMMARY_CALL = {
  model: 'scripted/demo',
  worst: { nanos: 0, tokens: 0 },
  estimate: { inputTokens: 1, outputTokens: 0, nanos: null, priceSource: null, priceDate: null },
  budgets: resolveBudgets(),
  budget: {},
};

/** Plays a session as workflows and activities would, on several workers, and compares what each model call is shown. */
export class PlayedConversation {
  readonly #db: Db;
  readonly key: SessionKey;
  readonly #runs: Run[] = [];
  #messages = 0;
  #calls = 0;
  #restore: (() => Promise<void>) | undefined;
  /** What each model call was shown, and what the store holds for it. */
  readonly shown: unknown[] = [];
  readonly inStore: unknown[] = [];
  /** Calls whose context the store was not asked for. */
  remembered = 0;

  constructor(db: Db, key: SessionKey) {
    this.#db = db;
    this.key = key;
  }

  async send(whileRunning: 'enqueue' | 'steer' | 'interrupt', isPinned = false): Promise<void> {
    this.#messages += 1;
    const id = `m${this.#messages}`;
    const message = { id, content: `${this.key.user} says ${id}`, whileRunning, ...(isPinned ? { pin: true } : {}) };
    const { results } = await commitAdmissions(this.#db, this.key, admission({ messages: [message] }));
    const [result] = results;
    if (!result?.ok) return;
    if (result.interrupts) await this.#cancel(result.interrupts);
    if (result.run) this.#runs.push({ runId: result.run.runId, status: 'open' });
  }

  /** A model call of an open run, and its reply: with tool calls, the last one, or none because the worker died. */
  async step(
    cache: ContextCache,
    which: number,
    runs: number,
    reply: 'call' | 'answer' | 'lost',
    atSummary = false,
  ): Promise<void> {
    const open = this.#runs.filter(({ status }) => status === 'open');
    const run = open[which % Math.max(1, open.length)];
    if (!run) return;
    const { runId } = run;
    const position = await beginStep(this.#db, this.key, { runId, pin, cached: cache.known(this.key) });
    if (position.kind === 'tools') {
      const results = position.calls.map(({ callId }) => ({
        callId,
        outcome: { status: 'completed', result: `result of ${callId}` } as const,
        durationMs: 1,
      }));
      await finishTools(this.#db, this.key, { runId, results });
      return;
    }
    if (position.kind !== 'model') return void (run.status = 'over');
    let reads = 0;
    const counting: Db = { ...this.#db, query: (...statement) => ((reads += 1), this.#db.query(...statement)) };
    const shown = await cache.read(counting, this.key, { runId, position, runs, atSummary });
    if (reads === 0) this.remembered += 1;
    const { throughSeq } = position;
    const read = await readContext(this.#db, this.key, { runId, runs, throughSeq, atSummary });
    const events = read.runs.flatMap((one) => one.events);
    const callIds = events.flatMap((event) =>
      event.type === 'tool.called' && event.runId === runId ? [event.callId] : [],
    );
    const { background } = shown;
    this.shown.push({ entries: shown.runs.flatMap((one) => one.entries), background, callIds: [...shown.callIds] });
    this.inStore.push({ entries: transcript(events), background: read.background, callIds });
    if (reply === 'lost') return;
    this.#calls += 1;
    const toolCalls = reply === 'call' ? [call(`c${this.#calls}`, { arguments: { n: this.#calls } })] : [];
    const commit = await commitStep(this.#db, this.key, replyTo(runId, position, { text: runId, toolCalls }));
    cache.append(this.key, position.conversation.createdAt, commit.events);
    if (commit.outcome === 'committed' && commit.ended) run.status = 'completed';
  }

  /** A summary of all runs that started before one that is over, or of its first step too. */
  async summarise(cache: ContextCache, which: number, isWhole: boolean): Promise<void> {
    const over = this.#runs.filter(({ status }) => status !== 'open');
    const run = over[which % Math.max(1, over.length)];
    if (!run) return;
    const [found] = await this.#db.query<{ at: string; seq: number | null; since: number; created: string }>(
      `SELECT r.started_seq AS seq, s.created_at AS created,
              coalesce((SELECT max(e.seq) FROM perdure.events e WHERE e.user_id = $1 AND e.session_id = $2
                           AND e.type = 'context.summarized'), 0) AS since
         FROM perdure.runs r JOIN perdure.sessions s ON s.user_id = $1 AND s.session_id = $2
        WHERE r.user_id = $1 AND r.session_id = $2 AND r.run_id = $3`,
      [this.key.user, this.key.session, run.runId],
    );
    if (!found?.seq) return;
    const range = {
      since: found.since,
      throughRunId: run.runId,
      throughSeq: found.seq,
      throughStep: isWhole ? null : 1,
    };
    const begun = await beginSummary(this.#db, this.key, { ...SUMMARY_CALL, runId: run.runId, since: found.since });
    if (begun.kind !== 'begun') return;
    const events = await commitSummary(this.#db, this.key, {
      runId: run.runId,
      attempt: begun.call.attempt,
      end: unreportedEnd('stopped'),
      budgets: resolveBudgets(),
      summary: { text: `All until ${run.runId}`, entries: 1, model: 'scripted/demo', ...range },
    });
    cache.append(this.key, found.created, events);
  }

  async cancel(which: number): Promise<void> {
    const open = this.#runs.filter(({ status }) => status === 'open');
    const run = open[which % Math.max(1, open.length)];
    if (run) await this.#cancel(run.runId);
  }

  async resume(which: number): Promise<void> {
    const over = this.#runs.filter(({ status }) => status === 'over');
    const run = over[which % Math.max(1, over.length)];
    if (!run) return;
    await requeueRun(this.#db, this.key, { runId: run.runId, execution: null });
    run.status = 'open';
  }

  async end(): Promise<void> {
    if (this.#runs.length === 0) return;
    await commitSessionEnd(this.#db, this.key, { status: 'failed', reason: null });
    for (const run of this.#runs) if (run.status === 'open') run.status = 'over';
  }

  async delete(): Promise<void> {
    await deleteSession(this.#db, this.key);
    this.#runs.length = 0;
  }

  async backUp(): Promise<void> {
    const rows = await backUpSession(this.#db, this.key);
    const runs = this.#runs.map((run) => ({ ...run }));
    this.#restore = async () => {
      await rows();
      this.#runs.splice(0, this.#runs.length, ...runs.map((run) => ({ ...run })));
    };
  }

  /** Restores the last backup; does nothing without one. */
  async restore(): Promise<void> {
    await this.#restore?.();
  }

  async #cancel(runId: string): Promise<void> {
    const end = { status: 'cancelled', reason: 'cancelled' } as const;
    await commitRunEnd(this.#db, this.key, { runId, end, partial: null, failSession: false });
    for (const run of this.#runs) if (run.runId === runId) run.status = 'over';
  }
}
