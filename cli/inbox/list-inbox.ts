import type { InboxQuery } from '../../client/http/queries.ts';
import { answerCommands, inboxRows } from '../render/inbox-lines.ts';
import { shortItemId } from '../shared/short-id.ts';
import { printTable } from '../render/print-table.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { printNextPage } from '../look/print-next-page.ts';

/** `perdure inbox`: lists what waits for an answer, the oldest first; for operators also of other users. */
export async function inbox(deps: CommandDeps, query: InboxQuery): Promise<void> {
  const page = await deps.client.inbox(query);
  if (deps.json) return deps.printJson(page);
  const [first] = page.data;
  if (!first) return deps.print(emptyMessage(query));
  const isOfOthers = query.all === true || query.user !== undefined;
  printTable(deps, inboxRows(page.data, deps, isOfOthers));
  printNextPage(deps, page.nextCursor);
  const pending = page.data.find(({ status }) => status === 'pending');
  if (deps.terminal && pending)
    deps.hint(`Answer with: ${answerCommands({ ...pending, id: shortItemId(pending.id, true) }).join(', or ')}`);
}

function emptyMessage({ status = 'pending' }: InboxQuery): string {
  return status === 'pending' ? 'Nothing waits for an answer.' : 'No matching approvals or client calls.';
}
