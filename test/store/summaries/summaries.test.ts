import { expect, test } from 'vitest';
import { resolveBudgets } from '../../../core/money/budget.ts';
import type { ModelCallEnd } from '../../../store/budgets/model-call.ts';
import { readContext } from '../../../store/read/read-context.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { commitSessionEnd } from '../../../store/sessions/commit-session-end.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { beginSummary, type BeginSummary } from '../../../store/summaries/begin-summary.ts';
import { commitSummary } from '../../../store/summaries/commit-summary.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import type { Db } from '../../../store/db/db.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { beginModel, newKey, replyTo, send } from '../conversation.ts';

const budgets = resolveBudgets();
const usage = { inputTokens: 100, outputTokens: 10, cachedTokens: 0, reasoningTokens: 0 };
const cost = { nanos: 7, priceSource: 'test', priceDate: null };
const END: ModelCallEnd = { outcome: 'completed', usage, cost, firstTokenMs: null, durationMs: 5 };

function call(runId: string, since = 0, overrides: Partial<BeginSummary> = {}): BeginSummary {
  const estimate = { inputTokens: 50, outputTokens: 0, nanos: 3, priceSource: null, priceDate: null };
  return {
    runId,
    model: 'scripted/one',
    since,
    worst: { nanos: 10, tokens: 200 },
    estimate,
    budgets,
    budget: {},
    ...overrides,
  };
}

/** Plays a turn, and returns its run with the `seq` of its start. */
async function turn(
  db: Db,
  key: SessionKey,
  content: string,
  more = {},
): Promise<{ runId: string; startedSeq: number }> {
  const { runId } = await send(db, key, { id: content, content, ...more });
  const position = await beginModel(db, key, runId);
  await commitStep(db, key, replyTo(runId, position, { text: `re ${content}` }));
  return { runId, startedSeq: position.events.find(({ type }) => type === 'run.started')?.seq ?? 0 };
}

function summaryOf({ runId, startedSeq }: { runId: string; startedSeq: number }, since = 0) {
  const range = { since, throughRunId: runId, throughSeq: startedSeq, throughStep: null };
  return { text: `all until ${runId}`, entries: 2, model: 'scripted/one', ...range };
}

describeStores(DATABASES, (db) => {
  test('a context begins at the newest summary, with the pinned messages before it, also after an import', async () => {
    const key = newKey();
    await turn(db(), key, 'one', { pin: true });
    const two = await turn(db(), key, 'two');
    const begun = await beginSummary(db(), key, call(two.runId));
    if (begun.kind !== 'begun') throw new Error(begun.kind);
    await commitSummary(db(), key, { runId: two.runId, attempt: 1, end: END, budgets, summary: summaryOf(two) });
    await turn(db(), key, 'three');
    const four = await turn(db(), key, 'four');
    const shown = async (at: SessionKey) => {
      const range = { runId: four.runId, runs: 1_000, throughSeq: 1_000, atSummary: true };
      const { runs, background } = await readContext(db(), at, range);
      const contents = runs.map(({ events }) => events.flatMap((event) => ('content' in event ? [event.content] : [])));
      return [background?.summary?.text, background?.pinned.map(({ content }) => content), contents.flat()];
    };
    const expected = [`all until ${two.runId}`, ['one'], ['three', 'four']];
    expect(await shown(key)).toEqual(expected);
    const other = newKey('bob');
    await importDocument(db(), other, await exportOf(db(), key));
    expect(await shown(other)).toEqual(expected);
  });

  test('of two summaries of the same messages one is kept, both calls are charged, and a report that is repeated changes nothing', async () => {
    const key = newKey();
    const { runId, startedSeq } = await turn(db(), key, 'one');
    const summary = summaryOf({ runId, startedSeq });
    const attempts = [];
    for (let n = 0; n < 2; n += 1) {
      const begun = await beginSummary(db(), key, call(runId));
      attempts.push(begun.kind === 'begun' ? begun.call.attempt : 0);
    }
    expect(attempts).toEqual([1, 2]);
    const types = [];
    for (const attempt of [1, 2, 2]) {
      const events = await commitSummary(db(), key, { runId, attempt, end: END, budgets, summary });
      types.push(events.map(({ type }) => type));
    }
    expect(types).toEqual([['context.summarized'], [], []]);
    expect(await beginSummary(db(), key, call(runId))).toEqual({ kind: 'stale' });
    const run = await readRun(db(), key, runId);
    const calls = run?.modelCalls.filter(({ kind }) => kind === 'summary');
    expect(calls?.map(({ step, outcome, usage: used }) => [step, outcome, used])).toEqual([
      // The first was taken for lost when the second began; its report replaced the estimate.
      [0, 'lost', usage],
      [0, 'completed', usage],
    ]);
    expect(run?.knownUsage).toMatchObject({ inputTokens: 210 });
    expect(run?.steps).toBe(1);
  });

  test('a call for a summary that was lost is charged its estimate when the next one begins, in another run too', async () => {
    const key = newKey();
    const one = await turn(db(), key, 'one');
    await beginSummary(db(), key, call(one.runId));
    const two = await turn(db(), key, 'two');
    await beginSummary(db(), key, call(two.runId));
    const lost = (await readRun(db(), key, one.runId))?.modelCalls.find(({ kind }) => kind === 'summary');
    expect(lost).toMatchObject({ outcome: 'lost', estimate: { inputTokens: 50 } });
  });

  test('a budget that is used up refuses the call, and a session that has ended gets no summary', async () => {
    const key = newKey();
    const { runId, startedSeq } = await turn(db(), key, 'one');
    const refused = await beginSummary(db(), key, call(runId, 0, { budget: { sessionTokens: 100 } }));
    expect(refused).toMatchObject({ kind: 'refused', facts: { scope: 'session' } });
    const begun = await beginSummary(db(), key, call(runId, 0, { budget: { sessionTokens: 1_000 } }));
    expect(begun).toMatchObject({ kind: 'begun', call: { attempt: 1, held_tokens: 200 } });
    await commitSessionEnd(db(), key, { status: 'completed', reason: null });
    const summary = summaryOf({ runId, startedSeq });
    expect(await commitSummary(db(), key, { runId, attempt: 1, end: END, budgets, summary })).toEqual([]);
    const [held] = await db().query(
      `SELECT sum(held_tokens)::int AS tokens FROM perdure.model_calls WHERE user_id = $1 AND session_id = $2`,
      [key.user, key.session],
    );
    expect(held).toEqual({ tokens: 0 });
    expect(await beginSummary(db(), key, call(runId))).toEqual({ kind: 'stale' });
  });
});
