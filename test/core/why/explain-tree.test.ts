import { expect, test } from 'vitest';
import { explainTree } from '../../../core/why/explain-tree.ts';
import { runWhySchema } from '../../../contracts/why.ts';
import { treeOf } from './tree.ts';

test('the call of another agent is a span from its request to its result, and not overhead', () => {
  const { facts, children, factsOf } = treeOf();
  const why = explainTree(facts, children, factsOf);
  expect(runWhySchema.parse(why)).toEqual(why);
  expect(why.spans.filter(({ kind }) => kind === 'tool')).toMatchObject([
    { label: 'researcher', callId: 'c1', childRunId: 'child-1', startMs: 1_000, durationMs: 2_500 },
  ]);
  expect(why.time.reduce((sum, { durationMs }) => sum + durationMs, 0)).toBe(why.wallMs);
  expect(why.time[0]).toEqual({ kind: 'tool', durationMs: 2_500 });
});

test('each run below has its own time by kind and its own cost, and names the call that has made it', () => {
  const { facts, children, factsOf } = treeOf();
  const [first, second] = explainTree(facts, children, factsOf).children ?? [];
  expect(first).toMatchObject({ parentRunId: 'run-1', callId: 'c1', startMs: 1_100, durationMs: 2_300, open: false });
  expect(first?.time?.reduce((sum, { durationMs }) => sum + durationMs, 0)).toBe(2_300);
  expect(Object.fromEntries(first?.time?.map(({ kind, durationMs }) => [kind, durationMs]) ?? [])).toMatchObject({
    tool: 1_000,
    model: 1_200,
  });
  expect(first?.ownCost).toMatchObject({ total: { costUsd: 0.02 }, unknownCalls: 0 });
  expect(second).toMatchObject({ parentRunId: 'child-1', callId: 'c1', startMs: 2_350, durationMs: 800 });
  expect(second?.ownCost).toMatchObject({ total: { costUsd: 0.01 } });
});

test('the summary has the time and the cost of the tree, and says where a part is unknown', () => {
  const { facts, children, factsOf } = treeOf();
  expect(explainTree(facts, children, factsOf).summary.children).toBe(
    '2 runs of other agents took 2.3 s of the 4.0 s, and $0.03 of the $0.08 of the tree.',
  );
  const unknown = children.map((child) => ({ ...child, costUsd: null }));
  expect(explainTree(facts, unknown, factsOf).summary.children).toBe(
    '2 runs of other agents took 2.3 s of the 4.0 s. The cost of the tree is not known.',
  );
});

test('a child without facts is listed as it is, and a run without children is explained as before', () => {
  const { facts, children } = treeOf();
  expect(explainTree(facts, children, new Map()).children).toEqual(children);
  const alone = explainTree(facts, [], new Map());
  expect(alone).not.toHaveProperty('children');
  expect(alone.summary).not.toHaveProperty('children');
});
