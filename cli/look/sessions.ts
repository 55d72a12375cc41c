import type { SessionQuery } from '../../client/http/queries.ts';
import type { SessionRecord, SessionSnapshot } from '../../contracts/session/session.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { printNextPage } from './print-next-page.ts';
import { formatCost } from '../render/format-cost.ts';
import { formatCount } from '../render/format-count.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { stripControl } from '../render/strip-control.ts';
import { oneLine } from '../render/one-line.ts';
import { formatTable } from '../render/format-table.ts';
import { describeWait } from '../render/describe-wait.ts';

/** `perdure sessions`: lists sessions, most recently active first; for operators also those of other users. */
export async function sessions(deps: CommandDeps, filter: SessionQuery): Promise<void> {
  const page = await deps.client.sessions(filter);
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.print(emptyMessage(filter));
  for (const line of sessionLines(page.data, filter.all === true)) deps.print(line);
  printNextPage(deps, page.nextCursor);
}

function emptyMessage({ user, all, limit: _limit, ...filters }: SessionQuery): string {
  const owner = user === undefined ? '' : ` of ${stripControl(user)}`;
  if (Object.keys(filters).length > 0) return `No matching sessions${owner}.`;
  return user === undefined && all !== true ? 'No sessions. Start one with `perdure chat`.' : `No sessions${owner}.`;
}

/** A table of sessions; with a column for the user where `withUser`. */
export function sessionLines(records: readonly SessionRecord[], withUser = false): string[] {
  const rows = records.map((record) => [
    ...(withUser ? [stripControl(record.user)] : []),
    stripControl(record.id),
    record.status,
    record.agent,
    formatCount(record.messages, 'message'),
    record.lastActiveAt,
  ]);
  return formatTable([
    [...(withUser ? ['USER'] : []), 'SESSION', 'STATUS', 'AGENT', 'MESSAGES', 'LAST ACTIVE'],
    ...rows,
  ]);
}

/** `perdure session <id>`: shows a session and what it waits for. */
export async function session(deps: CommandDeps, id: string): Promise<void> {
  const snapshot = await deps.client.snapshot(id);
  if (deps.json) return deps.printJson(snapshot);
  for (const line of snapshotLines(snapshot)) deps.print(line);
}

function snapshotLines(snapshot: SessionSnapshot): string[] {
  const { currentRun, waitingFor, usage } = snapshot;
  const rows = [
    ['session', stripControl(snapshot.id)],
    ['status', snapshot.endReason === null ? snapshot.status : `${snapshot.status}: ${oneLine(snapshot.endReason)}`],
    ['agent', snapshot.agent],
    ['waiting for', describeWait(waitingFor)],
    [
      'current run',
      currentRun === null ? 'none' : `${currentRun.id}: ${currentRun.status}, ${formatCount(currentRun.steps, 'step')}`,
    ],
    ['queue', snapshot.queue.length === 0 ? 'empty' : snapshot.queue.join(', ')],
    [
      'totals',
      [
        formatCount(snapshot.messages, 'message'),
        formatCount(snapshot.runs, 'run'),
        errorsOf(snapshot),
        tookOf(snapshot),
      ].join(', '),
    ],
    [
      'tokens',
      `${formatCount(usage.inputTokens, 'input', 'input')}, ${formatCount(usage.outputTokens, 'output', 'output')}`,
    ],
    ['cost', formatCost(snapshot)],
    ['metadata', oneLine(snapshot.metadata)],
    ['state', oneLine(snapshot.state)],
    ['children', childrenOf(snapshot)],
    ['created', snapshot.createdAt],
    ['last active', snapshot.lastActiveAt],
  ];
  return formatTable(rows);
}

function childrenOf({ children }: SessionSnapshot): string {
  if (children === null) return 'unknown: Temporal is unavailable';
  if (children.length === 0) return 'none';
  return children
    .map(({ type, workflowId, startedAt }) => `${stripControl(type)} since ${startedAt} (${stripControl(workflowId)})`)
    .join(', ');
}

function errorsOf({ errors, errorRate }: SessionRecord): string {
  return `${formatCount(errors, 'error')}${errorRate === null ? '' : ` (${Math.round(errorRate * 100)} %)`}`;
}

function tookOf({ meanMs }: SessionRecord): string {
  return meanMs === null ? 'no completed runs' : `${formatDuration(meanMs)} per run`;
}
