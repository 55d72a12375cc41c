import type { ChildRun } from '../../contracts/session/run-family.ts';
import type { ChildWhy, RunWhy } from '../../contracts/why.ts';
import { formatDuration } from '../text/format-duration.ts';
import { formatUsd } from '../text/format-usd.ts';
import { explainRun } from './explain-run.ts';
import type { ChildFact, RunFacts } from './run-facts.ts';

/**
 * Explains a run and those below it: each of these is a span below its call, with a breakdown of its own where `factsOf` has its facts.
 * `children`: each run before those below it. Pure.
 */
export function explainTree(
  facts: RunFacts,
  children: readonly ChildRun[],
  factsOf: ReadonlyMap<string, RunFacts>,
): RunWhy {
  if (children.length === 0) return explainRun(facts);
  const why = explainRun({ ...facts, children: calledBy(facts.run.id, children) });
  const origin = Date.parse(why.createdAt);
  const explained = children.map((child): ChildWhy => {
    const own = factsOf.get(child.runId);
    if (own === undefined) return child;
    const { createdAt, wallMs, time, cost, endedAt } = explainRun({
      ...own,
      children: calledBy(child.runId, children),
    });
    const { total, known, unknownCalls } = cost;
    return {
      ...child,
      startMs: Math.max(0, Date.parse(createdAt) - origin),
      durationMs: wallMs,
      open: endedAt === null,
      time,
      ownCost: { total, known, unknownCalls },
    };
  });
  return {
    ...why,
    summary: { ...why.summary, children: childrenSentence(why, explained) },
    children: explained,
  };
}

function calledBy(runId: string, children: readonly ChildRun[]): readonly ChildFact[] {
  return children.filter(({ parentRunId }) => parentRunId === runId);
}

/** The time in which any direct child was in progress, and the cost of the tree below. */
function childrenSentence({ wallMs, cost }: RunWhy, children: readonly ChildWhy[]): string {
  const direct = children.filter(({ level }) => level === 1);
  const spentMs = covered(
    direct.flatMap(({ startMs, durationMs = 0 }) =>
      startMs === undefined ? [] : [[startMs, startMs + durationMs] as const],
    ),
  );
  const runs = children.length === 1 ? '1 run of another agent' : `${children.length} runs of other agents`;
  const below = direct.map(({ costUsd }) => costUsd);
  const own = cost.total.costUsd;
  const time = `${formatDuration(Math.min(spentMs, wallMs))} of the ${formatDuration(wallMs)}`;
  if (own === null || below.some((usd) => usd === null))
    return `${runs} took ${time}. The cost of the tree is not known.`;
  const sum = below.reduce<number>((total, usd) => total + (usd ?? 0), 0);
  return `${runs} took ${time}, and ${formatUsd(sum)} of the ${formatUsd(sum + own)} of the tree.`;
}

/** The length of the union of periods. */
function covered(periods: readonly (readonly [number, number])[]): number {
  let total = 0;
  let until = 0;
  for (const [from, to] of periods.toSorted(([a], [b]) => a - b)) {
    total += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return total;
}
