import type { AuditQuery } from '../../client/http/queries.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { formatTime } from '../render/format-time.ts';
import { printTable } from '../render/print-table.ts';
import { shortRunId } from '../shared/short-id.ts';
import { stripControl } from '../render/strip-control.ts';
import { printNextPage } from './print-next-page.ts';

/** `perdure audit`: lists what operators read and did with the data of others, newest first. */
export async function audit(deps: CommandDeps, query: AuditQuery): Promise<void> {
  const page = await deps.client.audit(query);
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.print('No entries. Operators have not used data of others.');
  const rows = page.data.map(({ at, actor, action, user, sessionId, runId }) => [
    formatTime(at, deps),
    stripControl(actor),
    action,
    user === null ? 'all users' : stripControl(user),
    sessionId === null ? '-' : stripControl(sessionId),
    runId === null ? '-' : shortRunId(stripControl(runId), deps.terminal),
  ]);
  printTable(deps, [['AT', 'OPERATOR', 'ACTION', 'USER', 'SESSION', 'RUN'], ...rows]);
  printNextPage(deps, page.nextCursor);
}
