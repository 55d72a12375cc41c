import type { RunBudget } from '../../../contracts/budget.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { admitChildren } from '../../../store/admission/admit-children.ts';
import { handOverChild } from '../../../store/children/hand-over-child.ts';
import type { NewChild } from '../../../store/children/new-children.ts';
import { readLink, readStartingChildren } from '../../../store/children/read-children.ts';
import type { Db } from '../../../store/db/db.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { admission, beginModel, call, newKey, pin, replyTo, send } from '../conversation.ts';
import { cost } from '../runs/begun-call.ts';

/** A call that another agent executes. */
export const child = (callId: string, more: Partial<NewChild> = {}) =>
  call(callId, {
    tool: 'other',
    arguments: { task: callId },
    child: {
      childId: `child-${newKey().session}`,
      agent: 'other',
      depth: 1,
      maxParallel: null,
      runTimeoutMs: 60_000,
      traceparent: null,
      set: {},
      own: {},
      ...more,
    },
  });

export interface Family {
  readonly key: SessionKey;
  readonly runId: string;
  readonly children: SessionKey[];
}

/** A run whose first reply has called agents, and that waits. */
export async function family(
  db: Db,
  calls: readonly ReturnType<typeof child>[],
  budget: RunBudget = {},
  spent: number | null = 0,
): Promise<Family> {
  const key = newKey(`user-${newKey().session}`);
  const { runId } = await send(db, key, { id: 'm1', content: 'hi' });
  const position = await beginModel(db, key, runId);
  await commitStep(db, key, { ...replyTo(runId, position, { toolCalls: calls }), budget, cost: cost(spent) });
  await beginStep(db, key, { runId, pin });
  const children = (await readStartingChildren(db, key, runId)).map(({ childId }) => ({
    user: key.user,
    session: childId,
  }));
  return { key, runId, children };
}

/** Admits the children of a run. */
export const start = async (db: Db, { key, runId, children }: Family, perRun = 8) =>
  await admitChildren(db, key, {
    ...admission(),
    runId,
    perRun,
    tasks: new Map(children.map(({ session }) => [session, { id: session, content: 'work', agent: 'other' }])),
  });

/** Answers the run of a child. */
export async function complete(db: Db, { user, session }: SessionKey, nanos = 0): Promise<void> {
  const key = { user, session };
  const position = await beginModel(db, key, session);
  await commitStep(db, key, { ...replyTo(session, position, { text: 'done' }), cost: cost(nanos) });
}

export async function handOver(db: Db, key: SessionKey) {
  const link = await readLink(db, key);
  return link && (await handOverChild(db, link));
}
