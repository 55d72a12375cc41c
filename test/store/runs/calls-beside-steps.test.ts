import { expect, test } from 'vitest';
import { Evaluations } from '../../../activities/shared/evaluations.ts';
import { resolveBudgets } from '../../../core/money/budget.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { recordCallBesideSteps, type CallBesideSteps } from '../../../store/runs/call-beside-steps.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { begun, ESTIMATE } from './begun-call.ts';

describeStores(DATABASES, (db) => {
  test('evaluations that begin at the same time are no lost ones; those that a lost worker had begun are, and are charged', async () => {
    const { key, runId } = await begun(db());
    const begin = async (evaluations: Evaluations) => {
      const input: CallBesideSteps = {
        kind: 'approval',
        runId,
        model: 'scripted/small',
        worst: { nanos: 1e9, tokens: 100 },
        estimate: ESTIMATE,
        budgets: resolveBudgets({ monthlyUsd: 10 }),
        budget: {},
        isLost: (call, at) => evaluations.isLost(runId, call, at),
      };
      await evaluations.begin(() => recordCallBesideSteps(db(), key, input));
    };
    const outcomes = async () =>
      (await readRun(db(), key, runId))?.modelCalls.flatMap(({ kind, outcome }) => (kind ? [outcome] : []));

    const lost = new Evaluations(0);
    await Promise.all([begin(lost), begin(lost), begin(lost)]);
    expect(await outcomes()).toEqual(['running', 'running', 'running']);
    await begin(new Evaluations(60_000));
    expect(await outcomes()).toEqual(['running', 'running', 'running', 'running']);
    await begin(new Evaluations(0));
    expect(await outcomes()).toEqual(['lost', 'lost', 'lost', 'lost', 'running']);
    expect(await readRun(db(), key, runId)).toMatchObject({ estimatedCalls: 4, estimatedCostUsd: 1.6 });
  });
});
