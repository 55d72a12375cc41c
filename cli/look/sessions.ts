import type { SessionQuery } from '../../client/http/queries.ts';
import type { SessionRecord, SessionSnapshot } from '../../contracts/session/session.ts';
import type { Cli } from '../shared/cli.ts';
import { sayMore } from './next-page.ts';
import { cost, count, duration, harmless, oneLine, table } from '../render/show-text.ts';
import { waitingWords } from '../render/waiting-words.ts';

/** `perdure sessions`: newest activity first; for operators those of others too. */
export async function sessions(cli: Cli, filter: SessionQuery): Promise<void> {
  const page = await cli.client.sessions(filter);
  if (cli.json) return cli.printJson(page);
  if (page.data.length === 0) return cli.print(none(filter));
  for (const line of sessionLines(page.data, filter.all === true)) cli.print(line);
  sayMore(cli, page.nextCursor);
}

function none({ user, all, limit: _limit, ...filters }: SessionQuery): string {
  const whose = user === undefined ? '' : ` of ${harmless(user)}`;
  if (Object.keys(filters).length > 0) return `There are no such sessions${whose}.`;
  return user === undefined && all !== true
    ? 'There are no sessions. Start one with `perdure chat`.'
    : `There are no sessions${whose}.`;
}

/** A line for each session, under a heading; with the user where they are of several. */
export function sessionLines(records: readonly SessionRecord[], withUser = false): string[] {
  const rows = records.map((record) => [
    ...(withUser ? [harmless(record.user)] : []),
    harmless(record.id),
    record.status,
    record.agent,
    count(record.messages, 'message'),
    record.lastActiveAt,
  ]);
  return table([[...(withUser ? ['USER'] : []), 'SESSION', 'STATUS', 'AGENT', 'MESSAGES', 'LAST ACTIVE'], ...rows]);
}

/** `perdure session <id>`: what it is and what it waits for. */
export async function session(cli: Cli, id: string): Promise<void> {
  const snapshot = await cli.client.snapshot(id);
  if (cli.json) return cli.printJson(snapshot);
  for (const line of snapshotLines(snapshot)) cli.print(line);
}

function snapshotLines(snapshot: SessionSnapshot): string[] {
  const { currentRun, waitingFor, usage } = snapshot;
  const rows = [
    ['session', harmless(snapshot.id)],
    ['status', snapshot.endReason === null ? snapshot.status : `${snapshot.status}: ${oneLine(snapshot.endReason)}`],
    ['agent', snapshot.agent],
    ['waiting for', waitingWords(waitingFor)],
    [
      'current run',
      currentRun === null ? 'none' : `${currentRun.id}: ${currentRun.status}, ${count(currentRun.steps, 'step')}`,
    ],
    ['queue', snapshot.queue.length === 0 ? 'empty' : snapshot.queue.join(', ')],
    [
      'so far',
      [count(snapshot.messages, 'message'), count(snapshot.runs, 'run'), errorsOf(snapshot), tookOf(snapshot)].join(
        ', ',
      ),
    ],
    ['tokens', `${count(usage.inputTokens, 'input', 'input')}, ${count(usage.outputTokens, 'output', 'output')}`],
    ['cost', cost(snapshot)],
    ['metadata', oneLine(snapshot.metadata)],
    ['state', oneLine(snapshot.state)],
    ['children', childrenOf(snapshot)],
    ['created', snapshot.createdAt],
    ['last active', snapshot.lastActiveAt],
  ];
  return table(rows);
}

function childrenOf({ children }: SessionSnapshot): string {
  if (children === null) return 'unknown: Temporal does not answer';
  if (children.length === 0) return 'none';
  return children
    .map(({ type, workflowId, startedAt }) => `${harmless(type)} since ${startedAt} (${harmless(workflowId)})`)
    .join(', ');
}

function errorsOf({ errors, errorRate }: SessionRecord): string {
  return `${count(errors, 'error')}${errorRate === null ? '' : ` (${Math.round(errorRate * 100)} %)`}`;
}

function tookOf({ meanMs }: SessionRecord): string {
  return meanMs === null ? 'no run timed yet' : `${duration(meanMs)} a run`;
}
