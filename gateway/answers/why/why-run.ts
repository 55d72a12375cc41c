import { LIMITS } from '../../../contracts/limits.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { RunWhy } from '../../../contracts/why.ts';
import { explainTree } from '../../../core/why/explain-tree.ts';
import type { RunFacts } from '../../../core/why/run-facts.ts';
import { readFamily } from '../../../store/children/read-family.ts';
import { readRunFacts } from '../../../store/read/read-run-facts.ts';
import type { GatewayDeps } from '../gateway-deps.ts';
import { noSuchRun } from '../require-session.ts';

/** Runs whose facts are read at once. */
const AT_ONCE = 5;

/** Where the time and money of a run went, and of the runs below it. Throws `not_found`. */
export async function whyRun(
  { db, turns }: Pick<GatewayDeps, 'db' | 'turns'>,
  key: SessionKey,
  runId: string,
): Promise<RunWhy> {
  const { parent, children = [] } = await readFamily(db, key, runId);
  const facts = await readRunFacts(db, key, runId);
  if (facts === null) throw noSuchRun(key, runId);
  const explained = children.filter(({ status }) => status !== null && status !== 'starting');
  const factsOf = new Map<string, RunFacts>();
  const wanted = explained.slice(0, LIMITS.explainedChildren.value);
  for (let from = 0; from < wanted.length; from += AT_ONCE) {
    const some = wanted.slice(from, from + AT_ONCE);
    const read = async ({ runId: id }: (typeof some)[number]) => {
      const found = await turns.run(key.user, () => readRunFacts(db, { user: key.user, session: id }, id));
      if (found !== null) factsOf.set(id, found);
    };
    await Promise.all(some.map(read));
  }
  return { ...explainTree(facts, children, factsOf), ...(parent ? { parent } : {}) };
}
