import type { Fleet } from '../../contracts/admin/fleet.ts';
import type { ListedRun, RunOrder } from '../../contracts/session/run.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { formatUsd } from '../../core/text/format-usd.ts';
import { cutToWidth } from '../render/fit-width.ts';
import { formatCount } from '../render/format-count.ts';
import { formatTable } from '../render/format-table.ts';
import { stripControl } from '../render/strip-control.ts';
import { shortRunId } from '../shared/short-id.ts';

/** Workers that are shown, so that runs have room. */
const MAX_WORKERS = 4;

export interface FrameStyle {
  /** Columns of the terminal. */
  readonly columns: number;
  /** Lines of the terminal; Infinity for no limit. */
  readonly rows: number;
  readonly order: RunOrder;
}

const ORDER_NAMES: Readonly<Record<RunOrder, string>> = {
  newest: 'newest',
  slowest: 'duration',
  dearest: 'cost',
  waiting: 'wait',
};

/** The lines of `perdure top`. `before`: the reading before, for the rates; null for the first. */
export function topFrame(fleet: Fleet, before: Fleet | null, { columns, rows, order }: FrameStyle): string[] {
  const head = [
    `perdure top  ${fleet.at.slice(0, 19).replace('T', ' ')} UTC`,
    ...formatTable(totalRows(fleet, before)),
    '',
    ...workerLines(fleet, before, columns),
    '',
    `OPEN RUNS by ${ORDER_NAMES[order]}   d duration  c cost  w wait  n newest  q quit`,
  ];
  const room = Math.max(1, rows - head.length - 1);
  const runs = fleet.top.slice(0, room - 1);
  const table = runs.length === 0 ? ['None.'] : formatTable(runRows(runs, fleet.at), columns);
  return [...head, ...table].slice(0, rows).map((line) => cutToWidth(line, columns));
}

function totalRows({ at, sessions, runs, today, workers, pauses }: Fleet, before: Fleet | null): string[][] {
  const seconds = before === null ? 0 : (Date.parse(at) - Date.parse(before.at)) / 1_000;
  const rate = (increase: number | null): string =>
    increase === null || seconds <= 0 ? '–' : (increase / seconds).toFixed(increase / seconds < 10 ? 1 : 0);
  const isSameDay = before !== null && before.at.slice(0, 10) === at.slice(0, 10);
  const since = (count: (of: Fleet['today']) => number): number | null =>
    isSameDay ? Math.max(0, count(today) - count(before.today)) : null;
  const oldest = runs.oldestQueuedMs > 0 ? ` (oldest ${formatDuration(runs.oldestQueuedMs)})` : '';
  const cost = `${formatUsd(round(today.costUsd))}${today.unpricedCalls > 0 ? ` (${formatCount(today.unpricedCalls, 'call')} unpriced)` : ''}`;
  return [
    ['Sessions', `${number(sessions.active)} active, ${number(sessions.served)} in conversation`],
    [
      'Runs',
      `${number(runs.running)} running, ${number(runs.waiting)} waiting, ${number(runs.queued)} queued${oldest}`,
    ],
    [
      'Rates',
      `${rate(begunSince(workers, before?.workers))} runs/s, ${rate(since(tokens))} tokens/s, ${rate(since(({ failedModelCalls }) => failedModelCalls))} failed calls/s`,
    ],
    [
      'Today',
      `${cost}, ${number(tokens(today))} tokens, ${formatCount(today.failedRuns, 'failed run')}, ${number(today.failedModelCalls)} of ${formatCount(today.modelCalls, 'call')} failed`,
    ],
    ...(pauses.length === 0 ? [] : [['Paused', pauses.map(stripControl).join(', ')]]),
  ];
}

function workerLines({ workers, at }: Fleet, before: Fleet | null, columns: number): string[] {
  if (workers.length === 0) return ['No workers. Start one with `perdure worker` or `npm start`.'];
  const seconds = before === null ? 0 : (Date.parse(at) - Date.parse(before.at)) / 1_000;
  const rows = workers.slice(0, MAX_WORKERS).map((worker) => {
    const begun = begunSince([worker], before?.workers);
    return [
      stripControl(worker.id),
      worker.version,
      worker.draining ? 'draining' : 'working',
      formatDuration(Math.max(0, Date.parse(at) - Date.parse(worker.startedAt))),
      worker.begunRuns === null ? '?' : number(worker.begunRuns),
      begun === null || seconds <= 0 ? '–' : (begun / seconds).toFixed(1),
    ];
  });
  const more = workers.length - MAX_WORKERS;
  return [
    ...formatTable([['WORKER', 'VERSION', 'STATE', 'UP', 'RUNS', 'RUNS/S'], ...rows], columns),
    ...(more > 0 ? [`… and ${formatCount(more, 'more worker')}`] : []),
  ];
}

/** How many runs these workers have begun since the reading before; null if that is unknown. */
function begunSince(workers: Fleet['workers'], before: Fleet['workers'] | undefined): number | null {
  if (before === undefined) return null;
  const known = new Map(before.map(({ id, begunRuns }) => [id, begunRuns ?? 0]));
  return workers.reduce((sum, { id, begunRuns }) => sum + Math.max(0, (begunRuns ?? 0) - (known.get(id) ?? 0)), 0);
}

function runRows(runs: readonly ListedRun[], at: string): string[][] {
  const now = Date.parse(at);
  const since = (time: string): string => formatDuration(Math.max(0, now - Date.parse(time)));
  const rows = runs.map((run) => [
    shortRunId(run.id, true),
    stripControl(run.user),
    stripControl(run.sessionId),
    run.agent,
    since(run.createdAt),
    run.costUsd === null ? '?' : formatUsd(run.costUsd),
    run.waitingFor ? `${run.waitingFor.what} ${since(run.waitingFor.since)}` : run.status,
  ]);
  return [['RUN', 'USER', 'SESSION', 'AGENT', 'AGE', 'COST', 'WAITS FOR'], ...rows];
}

function number(value: number): string {
  return value.toLocaleString('en');
}

/** Cents, for an amount that is not tiny. */
function round(usd: number): number {
  return usd < 1 ? usd : Math.round(usd * 100) / 100;
}

function tokens({ inputTokens, outputTokens }: Fleet['today']): number {
  return inputTokens + outputTokens;
}
