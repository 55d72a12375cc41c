import { array, assert, asyncProperty, integer, record } from 'fast-check';
import { expect, test } from 'vitest';
import type { RunBudget } from '../../../contracts/budget.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { resolveBudgets } from '../../../core/money/budget.ts';
import { admitChildren } from '../../../store/admission/admit-children.ts';
import { listUnfinishedChildren } from '../../../store/admin/sweeps/list-unfinished-children.ts';
import { readAccounts } from '../../../store/budgets/read-accounts.ts';
import { readOpenDescendants } from '../../../store/children/read-children.ts';
import { readFamily } from '../../../store/children/read-family.ts';
import { markTree } from '../../../store/children/mark-tree.ts';
import { stopDescendants } from '../../../store/children/stop-descendants.ts';
import type { Db } from '../../../store/db/db.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { reserveCall } from '../../../store/runs/reserve-call.ts';
import { stopRun } from '../../../store/runs/stop/stop-run.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { requeueRun } from '../../../store/sessions/requeue-run.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { admission, beginModel, call, pin, replyTo, USAGE } from '../conversation.ts';
import { cost } from '../runs/begun-call.ts';
import { child, complete, family, handOver, start, type Family } from './family.ts';

const SILENT = { onMarked: () => {}, onStopped: () => {} };
const CANCELLED = { status: 'cancelled', reason: 'cancelled' } as const;

async function ordinalOf(db: Db, { key, runId }: Family): Promise<number> {
  const [run] = await db.query<{ ordinal: number }>(
    'SELECT ordinal FROM perdure.runs WHERE user_id = $1 AND session_id = $2 AND run_id = $3',
    [key.user, key.session, runId],
  );
  return run!.ordinal;
}

const runAccount = async (db: Db, { key, runId }: Family, budget: RunBudget) => {
  const limits = { monthlyUsd: null, monthlyTokens: null, dailyUsd: null, dailyTokens: null, dailyWarnUsd: null };
  const [account] = await readAccounts(db, key, { day: '2026-01-01', limits, budget, runId });
  return account;
};

describeStores(DATABASES, (db) => {
  test('a run whose calls agents execute waits, and goes on once all of them have ended', async () => {
    const all = await family(db(), [child('a'), child('b')]);
    expect(await readRun(db(), all.key, all.runId)).toMatchObject({ status: 'waiting' });
    const { started } = await start(db(), all);
    expect(started.map(({ key }) => key)).toEqual(all.children);
    await complete(db(), all.children[0]!);
    expect(await handOver(db(), all.children[0]!)).toMatchObject({ woken: null });
    await complete(db(), all.children[1]!);
    expect(await handOver(db(), all.children[1]!)).toMatchObject({ woken: { run: { runId: all.runId } } });
    expect(await beginModel(db(), all.key, all.runId)).toMatchObject({ step: 2 });
  });

  test('whatever is repeated after a crash happens once', async () => {
    const all = await family(db(), [child('a')]);
    const [key] = all.children as [SessionKey];
    const starts = await Promise.all([start(db(), all), start(db(), all), start(db(), all)]);
    expect(starts.flatMap(({ started }) => started)).toHaveLength(1);
    expect(await handOver(db(), key)).toBeNull();
    await complete(db(), key, 5);
    const handed = await Promise.all([handOver(db(), key), handOver(db(), key)]);
    expect(handed.filter((one) => one !== null)).toHaveLength(1);
    const { events } = await readEvents(db(), all.key, { after: 0, limit: 100 });
    expect(events.filter(({ type }) => type === 'tool.completed')).toHaveLength(1);
    expect(await readRun(db(), all.key, all.runId)).toMatchObject({
      knownCostUsd: 5e-9,
      knownUsage: { inputTokens: 20, outputTokens: 10 },
    });
  });

  test('what a crash has left undone is found, each step of it', async () => {
    const all = await family(db(), [child('a')]);
    const [key] = all.children as [SessionKey];
    const todo = async () =>
      (await listUnfinishedChildren(db(), { quietForMs: -1_000, limit: 1_000 }))
        .filter(({ link }) => link.childId === key.session)
        .map((one) => one.todo);
    expect(await todo()).toEqual(['start']);
    await start(db(), all);
    expect(await todo()).toEqual([]);
    await complete(db(), key);
    expect(await todo()).toEqual(['handOver']);
    await handOver(db(), key);
    expect(await todo()).toEqual([]);
  });

  test('the children of a run that has ended are stopped, and those that have not begun never do', async () => {
    const all = await family(db(), [child('a'), child('b')]);
    const [first, second] = all.children as [SessionKey, SessionKey];
    await start(db(), all, 1);
    const end = { status: 'cancelled', reason: 'cancelled' } as const;
    await commitRunEnd(db(), all.key, { runId: all.runId, end, partial: null, failSession: false });
    const undone = await listUnfinishedChildren(db(), { quietForMs: -1_000, limit: 1_000 });
    const mine = undone.filter(({ link }) => link.parent.runId === all.runId);
    expect(Object.fromEntries(mine.map(({ link, todo }) => [link.childId, todo]))).toEqual({
      [first.session]: 'stop',
      [second.session]: 'start',
    });
    expect((await start(db(), all)).started).toEqual([]);
    await stopDescendants(db(), all.key, { runId: all.runId, reason: 'cancelled' }, SILENT);
    expect(await readRun(db(), first, first.session)).toMatchObject({ status: 'cancelled' });
    expect(await readRun(db(), second, second.session)).toBeNull();
    expect(await handOver(db(), first)).toMatchObject({ events: [], woken: null });
    expect(await readOpenDescendants(db(), all.key, null)).toEqual([]);
  });

  test('a cancel that was requested before an answer ends the run that goes on with the answer', async () => {
    const all = await family(db(), [child('a')]);
    const [key] = all.children as [SessionKey];
    await start(db(), all);
    const ordinal = await ordinalOf(db(), all);
    await complete(db(), key);
    expect(await handOver(db(), key)).toMatchObject({ woken: { run: { runId: all.runId } } });
    const stale = { runId: all.runId, ordinal, partial: null, failSession: false };
    const failure = { status: 'failed', error: { code: 'internal', detail: 'It failed.' } } as const;
    expect(await commitRunEnd(db(), all.key, { ...stale, end: failure })).toMatchObject({ status: 'queued' });
    expect(await commitRunEnd(db(), all.key, { ...stale, end: CANCELLED })).toMatchObject({ status: 'cancelled' });
    await requeueRun(db(), all.key, { runId: all.runId, execution: null });
    expect(await commitRunEnd(db(), all.key, { ...stale, end: CANCELLED })).toMatchObject({ status: 'queued' });
  });

  test('an answer that arrives after the stop of a run that waits changes nothing', async () => {
    const all = await family(db(), [child('a')]);
    const [key] = all.children as [SessionKey];
    await start(db(), all);
    await complete(db(), key);
    expect(await stopRun(db(), all.key, all.runId, 'cancelled')).toMatchObject({ status: 'cancelled' });
    expect(await handOver(db(), key)).toMatchObject({ events: [], woken: null });
  });

  test('no run of a tree begins a model call once the stop is recorded, whoever is handed the end of a child', async () => {
    const all = await family(db(), [child('a')]);
    const [key] = all.children as [SessionKey];
    await start(db(), all);
    const position = await beginModel(db(), key, key.session);
    const below = child('b', { depth: 2 });
    await commitStep(db(), key, { ...replyTo(key.session, position, { toolCalls: [below] }), cost: cost(0) });
    await beginStep(db(), key, { runId: key.session, pin });
    const last = { user: key.user, session: below.child!.childId };
    await start(db(), { key, runId: key.session, children: [last] });
    await beginModel(db(), last, last.session);

    const marked = await markTree(db(), all.key, { runId: all.runId, reason: 'cancelled' });
    expect(marked).toEqual({
      status: 'waiting',
      below: [
        { key, runId: key.session, level: 1 },
        { key: last, runId: last.session, level: 2 },
      ],
    });
    const end = { runId: last.session, end: CANCELLED, partial: null, failSession: false };
    await commitRunEnd(db(), last, end);
    expect(await handOver(db(), last)).toMatchObject({ woken: { run: { runId: key.session } } });
    expect(await beginStep(db(), key, { runId: key.session, pin })).toMatchObject({ kind: 'stopped' });
    await stopDescendants(db(), all.key, { runId: all.runId, reason: 'cancelled' }, SILENT);
    expect(await readRun(db(), key, key.session)).toMatchObject({ status: 'cancelled' });
  });

  test('a run that is being stopped gets no further children', async () => {
    const all = await family(db(), [child('a'), child('b')]);
    await start(db(), all, 1);
    await markTree(db(), all.key, { runId: all.runId, reason: 'cancelled' });
    expect((await start(db(), all)).started).toEqual([]);
  });

  test('a child that is refused fails its call, and the run goes on', async () => {
    const all = await family(db(), [child('a', { agent: 'absent' })]);
    const tasks = new Map(all.children.map(({ session }) => [session, { id: session, content: 'x', agent: 'absent' }]));
    const admitted = await admitChildren(db(), all.key, { ...admission(), runId: all.runId, perRun: 8, tasks });
    expect(admitted).toMatchObject({ started: [], woken: { run: { runId: all.runId } } });
    expect(admitted.events).toMatchObject([
      { type: 'tool.failed', error: expect.stringContaining('no agent "absent"') },
    ]);
  });

  test('the children of a deleted session are to be deleted', async () => {
    const all = await family(db(), [child('a')]);
    const [key] = all.children as [SessionKey];
    await start(db(), all);
    await deleteSession(db(), all.key);
    const undone = await listUnfinishedChildren(db(), { quietForMs: 0, limit: 1_000 });
    expect(undone.find(({ link }) => link.childId === key.session)).toMatchObject({ todo: 'stop' });
  });

  test('a share is reserved until its child has ended, and what was not spent is released', async () => {
    const budget = { runUsd: 1e-6 };
    const all = await family(db(), [child('a', { set: { usd: 4e-7 } }), child('b')], budget, 100);
    // 1,000 nano-dollars, 100 spent, 400 as set, and half of what is left.
    expect(await runAccount(db(), all, budget)).toMatchObject({ used: 100, reserved: 400 + 250, limit: 1_000 });
    await start(db(), all);
    await complete(db(), all.children[0]!, 150);
    await handOver(db(), all.children[0]!);
    expect(await runAccount(db(), all, budget)).toMatchObject({ used: 100 + 150, reserved: 250 });
  });

  test('a run names the runs that its calls have made, and they name it', async () => {
    const all = await family(db(), [child('a'), child('b')]);
    const [first, second] = all.children as [SessionKey, SessionKey];
    await start(db(), all, 1);
    await complete(db(), first, 5);
    const { parent, children } = await readFamily(db(), all.key, all.runId);
    expect(parent).toBeUndefined();
    expect(children).toMatchObject([
      { runId: first.session, parentRunId: all.runId, callId: 'a', level: 1, status: 'completed', costUsd: 5e-9 },
      { runId: second.session, status: 'starting', totalMs: null, costUsd: null },
    ]);
    expect(await readFamily(db(), first, first.session)).toEqual({
      parent: { sessionId: all.key.session, runId: all.runId, callId: 'a' },
    });
  });

  test('nothing left of a budget refuses the call', async () => {
    const all = await family(db(), [child('a'), child('b')], { runUsd: 1e-7 }, 100);
    expect(all.children).toEqual([]);
    const { events } = await readEvents(db(), all.key, { after: 0, limit: 100 });
    expect(events.filter(({ type }) => type === 'tool.failed')).toHaveLength(2);
  });

  test('children that spend side by side never spend more than their shares, nor their parent more than its limit', async () => {
    const spending = record({ worst: integer({ min: 1, max: 400 }), part: integer({ min: 0, max: 100 }) });
    await assert(
      asyncProperty(
        integer({ min: 1, max: 2_000 }),
        array(record({ set: integer({ min: 0, max: 1_500 }), steps: array(spending, { maxLength: 4 }) }), {
          minLength: 1,
          maxLength: 5,
        }),
        async (limit, wanted) => {
          const budget = { runUsd: limit / 1e9 };
          const calls = wanted.map(({ set }, at) => child(`c${at}`, set > 1_000 ? {} : { set: { usd: set / 1e9 } }));
          const all = await family(db(), calls, budget);
          await start(db(), all);
          await Promise.all(
            all.children.map(async (key, at) => {
              const policy = await policyOf(db(), key);
              let spent = 0;
              for (const { worst, part } of wanted[at]?.steps ?? []) {
                const { step, attempt } = await beginModel(db(), key, key.session);
                const request = { runId: key.session, step, attempt, worst: { nanos: worst, tokens: 1 } };
                const reserved = await reserveCall(db(), key, {
                  ...request,
                  budgets: resolveBudgets(),
                  budget: policy,
                });
                if (reserved.kind !== 'reserved') break;
                const used = Math.floor((worst * part) / 100);
                spent += used;
                const reply = replyTo(
                  key.session,
                  { step, attempt, throughSeq: 1_000 },
                  { toolCalls: [call(`${step}`, { refused: 'no' })], usage: USAGE },
                );
                await commitStep(db(), key, { ...reply, cost: cost(used) });
                expect(spent).toBeLessThanOrEqual(Math.round((policy.runUsd ?? Infinity) * 1e9));
              }
              const account = await runAccount(db(), all, budget);
              expect((account?.used ?? 0) + (account?.reserved ?? 0)).toBeLessThanOrEqual(limit);
              const end = { status: 'cancelled', reason: 'over' } as const;
              await commitRunEnd(db(), key, { runId: key.session, end, partial: null, failSession: false });
              await handOver(db(), key);
            }),
          );
          const account = await runAccount(db(), all, budget);
          expect(account?.reserved ?? 0).toBe(0);
          expect(account?.used ?? 0).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 15 },
    );
  }, 60_000);
});

async function policyOf(db: Db, { user, session }: SessionKey): Promise<RunBudget> {
  const [row] = await db.query<{ policy: { budget?: RunBudget } }>(
    'SELECT policy FROM perdure.sessions WHERE user_id = $1 AND session_id = $2',
    [user, session],
  );
  return row?.policy.budget ?? {};
}
