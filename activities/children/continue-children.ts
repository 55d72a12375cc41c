import { deleteOrphanedChild } from '../../store/admin/sweeps/delete-orphaned-child.ts';
import { listUnfinishedChildren, type UnfinishedChild } from '../../store/admin/sweeps/list-unfinished-children.ts';
import { handOverLink, startChildren, stopChild, type ChildDeps } from './children.ts';

/** Maximum number of children in one round. */
const MAX_PER_ROUND = 500;

/** Does what remains to be done for children of all users: what a process or Temporal has lost. A failure does not prevent the others. */
export async function continueChildren(
  deps: ChildDeps,
  { quietForMs }: { readonly quietForMs: number },
  signal: AbortSignal,
): Promise<void> {
  for (const child of await listUnfinishedChildren(deps.db, { quietForMs, limit: MAX_PER_ROUND })) {
    if (signal.aborted) return;
    await continueOne(deps, child).catch(() => {});
  }
}

async function continueOne(deps: ChildDeps, { link, todo }: UnfinishedChild): Promise<void> {
  const { parent, childId } = link;
  switch (todo) {
    case 'start':
      await startChildren(deps, parent.key, parent.runId);
      break;
    case 'handOver':
      await handOverLink(deps, link);
      break;
    case 'stop':
      await stopChild(deps, { user: parent.key.user, session: childId }, 'cancelled');
      break;
    case 'delete':
      await deleteOrphanedChild(deps.db, link);
      break;
  }
}
