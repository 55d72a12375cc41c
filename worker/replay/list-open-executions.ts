import type { Client } from '@temporalio/client';
import { WORKFLOW } from '../../contracts/names.ts';
import type { OpenExecution } from '../../core/histories/choose-sample.ts';
import { filterValue } from '../../core/text/filter-value.ts';

export interface ListedExecution extends OpenExecution {
  readonly type: string;
}

export interface OpenExecutions {
  readonly executions: readonly ListedExecution[];
  /** Whether there are more, which are neither among the oldest nor among the newest. */
  readonly isPartial: boolean;
}

export interface ListOptions {
  readonly taskQueue: string;
  /** Only executions that have started since then. */
  readonly since?: Date | undefined;
  /** Maximum number of executions listed, newest first; and of the oldest ones if there are more. */
  readonly maxListed?: number | undefined;
}

const MAX_LISTED = 20_000;
const PAGE = 1_000;
/** Halvings of a span of time: a span of ten years is then less than a second. */
const HALVINGS = 30;

/** Lists the open workflows of Perdure on a task queue. */
export async function listOpenExecutions(client: Client, options: ListOptions): Promise<OpenExecutions> {
  const { taskQueue, since, maxListed = MAX_LISTED } = options;
  const types = Object.values(WORKFLOW).map((type) => `'${type}'`);
  const query =
    `ExecutionStatus = 'Running' AND WorkflowType IN (${types.join(', ')})` +
    ` AND TaskQueue = ${filterValue(taskQueue)}` +
    (since === undefined ? '' : ` AND StartTime >= '${since.toISOString()}'`);
  const newest = await list(client, query, maxListed);
  const first = newest.at(-1);
  if (first === undefined || newest.length < maxListed) return { executions: newest, isPartial: false };
  const before = await timeOfOldest(client, query, first.startedAtMs, since);
  const oldest = await list(client, `${query} AND StartTime < '${new Date(before).toISOString()}'`, maxListed);
  const known = new Set(newest.map(({ runId }) => runId));
  return { executions: [...newest, ...oldest.filter(({ runId }) => !known.has(runId))], isPartial: true };
}

async function list(client: Client, query: string, max: number): Promise<ListedExecution[]> {
  const found: ListedExecution[] = [];
  for await (const { workflowId, runId, type, startTime } of client.workflow.list({ query, pageSize: PAGE })) {
    found.push({ workflowId, runId, type, startedAtMs: startTime.getTime() });
    if (found.length === max) break;
  }
  return found;
}

/** A time before which at most a page of executions has started. Temporal lists the newest first, and no other order. */
async function timeOfOldest(client: Client, query: string, endMs: number, since: Date | undefined): Promise<number> {
  let from = since?.getTime() ?? endMs - 10 * 365 * 86_400_000;
  let to = endMs;
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const middle = (from + to) / 2;
    const { count } = await client.workflow.count(`${query} AND StartTime < '${new Date(middle).toISOString()}'`);
    if (count > 0 && count <= PAGE) return middle;
    if (count === 0) from = middle;
    else to = middle;
  }
  return to;
}
