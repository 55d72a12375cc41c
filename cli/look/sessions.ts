import type { SessionQuery } from '../../client/http/queries.ts';
import type { SessionRecord, SessionSnapshot } from '../../contracts/session/session.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { withSession } from '../shared/with-session.ts';
import { printNextPage } from './print-next-page.ts';
import { formatCost } from '../render/format-cost.ts';
import { formatRecorded } from './format-recorded.ts';
import { formatTokens } from '../render/format-tokens.ts';
import { formatCount } from '../render/format-count.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { stripControl } from '../render/strip-control.ts';
import { oneLine } from '../render/one-line.ts';
import { formatTable } from '../render/format-table.ts';
import { formatTime, formatTimeFully, type TimeStyle } from '../render/format-time.ts';
import { printTable } from '../render/print-table.ts';
import { describeWait } from '../render/describe-wait.ts';

/** `perdure sessions`: lists sessions, most recently active first; for operators also those of other users. */
export async function sessions(deps: CommandDeps, filter: SessionQuery): Promise<void> {
  const page = await deps.client.sessions(filter);
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.hint(emptyMessage(filter));
  printTable(deps, sessionRows(page.data, deps, filter.all === true));
  printNextPage(deps, page.nextCursor);
}

function emptyMessage({ user, all, limit: _limit, ...filters }: SessionQuery): string {
  const owner = user === undefined ? '' : ` of ${stripControl(user)}`;
  if (Object.keys(filters).length > 0) return `No matching sessions${owner}.`;
  return user === undefined && all !== true ? 'No sessions. Start one with `perdure chat`.' : `No sessions${owner}.`;
}

/** The rows of a table of sessions; with a column for the user where `withUser`. */
export function sessionRows(records: readonly SessionRecord[], style: TimeStyle, withUser = false): string[][] {
  const rows = records.map((record) => [
    ...(withUser ? [stripControl(record.user)] : []),
    stripControl(record.id),
    record.status,
    record.agent,
    record.messages.toLocaleString('en'),
    formatTime(record.lastActiveAt, style),
  ]);
  return [[...(withUser ? ['USER'] : []), 'SESSION', 'STATUS', 'AGENT', 'MESSAGES', 'LAST ACTIVE'], ...rows];
}

/** `perdure session <id>`: shows a session and what it waits for. */
export async function session(deps: CommandDeps, id: string): Promise<void> {
  const snapshot = await withSession(deps, id, (found) => deps.client.snapshot(found));
  if (deps.json) return deps.printJson(snapshot);
  for (const line of snapshotLines(snapshot, deps)) deps.print(line);
}

function snapshotLines(snapshot: SessionSnapshot, style: TimeStyle): string[] {
  const { currentRun, waitingFor } = snapshot;
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
    ...(snapshot.recorded === undefined ? [] : [['recorded', formatRecorded(snapshot.recorded)]]),
    ['tokens', formatTokens(snapshot)],
    ['cost', formatCost(snapshot)],
    ['metadata', oneLine(snapshot.metadata)],
    ['state', oneLine(snapshot.state)],
    ['children', childrenOf(snapshot, style)],
    ['created', formatTimeFully(snapshot.createdAt, style)],
    ['last active', formatTimeFully(snapshot.lastActiveAt, style)],
  ];
  return formatTable(rows);
}

function childrenOf({ children }: SessionSnapshot, style: TimeStyle): string {
  if (children === null) return 'unknown: Temporal is unavailable';
  if (children.length === 0) return 'none';
  return children
    .map(
      ({ type, workflowId, startedAt }) =>
        `${stripControl(type)} since ${formatTimeFully(startedAt, style)} (${stripControl(workflowId)})`,
    )
    .join(', ');
}

function errorsOf({ errors, errorRate }: SessionRecord): string {
  return `${formatCount(errors, 'error')}${errorRate === null ? '' : ` (${Math.round(errorRate * 100)} %)`}`;
}

function tookOf({ meanMs }: SessionRecord): string {
  return meanMs === null ? 'no completed runs' : `${formatDuration(meanMs)} per run`;
}
