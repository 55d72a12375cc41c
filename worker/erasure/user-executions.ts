import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { UserExecutions } from '../../activities/shared/temporal/user-executions.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { SEARCH_ATTRIBUTE, WORKFLOW } from '../../contracts/names.ts';
import { runWorkflowIdOf, sessionKeyOf, workflowIdOf } from '../../contracts/session/session-key.ts';
import { historyNames } from './history-names.ts';
import { pace } from './pace.ts';
import { filterValue } from '../../core/text/filter-value.ts';
import { isNotFound } from '../is-not-found.ts';

/** Time limit of a call of Temporal. */
const TIMEOUT_MS = 10_000;
/** Deletions at once. */
const AT_ONCE = 8;

interface Execution {
  readonly workflowId: string;
  /** Absent: the newest one. */
  readonly runId?: string;
}

/** Finds a user's executions by the ids of workflows and by the search attribute, and deletes them at a bounded rate. */
export function userExecutions(client: Client, user: string): UserExecutions {
  const requested = new Set<string>();
  const turn = pace(LIMITS.erasedExecutionsPerSecond.value);
  const { namespace } = client.options;

  /** Returns whether there was one. */
  const remove = async (workflowExecution: Execution): Promise<boolean> => {
    await turn();
    const call = () => client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution });
    try {
      await client.withDeadline(Date.now() + TIMEOUT_MS, call);
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError || isNotFound(error)) return false;
      throw unavailable(error);
    }
  };

  /** Requests the deletion of those for which it was not requested before, and returns of how many. */
  const removeAll = async (executions: readonly Execution[], signal: AbortSignal): Promise<number> => {
    const fresh = executions.filter(({ workflowId, runId }) => !requested.has(`${workflowId} ${runId ?? ''}`));
    let removed = 0;
    for (let at = 0; at < fresh.length; at += AT_ONCE) {
      signal.throwIfAborted();
      const some = fresh.slice(at, at + AT_ONCE);
      removed += (await Promise.all(some.map(remove))).filter(Boolean).length;
      for (const { workflowId, runId } of some) requested.add(`${workflowId} ${runId ?? ''}`);
    }
    return removed;
  };

  const listed = async (signal: AbortSignal): Promise<Execution[]> => {
    try {
      return [...(await listByUser(client, user)), ...(await listCleanUps(client, user, signal))];
    } catch (error) {
      signal.throwIfAborted();
      throw unavailable(error);
    }
  };

  return {
    async erase(sessions, signal) {
      if (sessions.length === 0) return await removeAll(await listed(signal), signal);
      const known = new Set([...requested].map((one) => one.slice(0, one.lastIndexOf(' '))));
      const ids = sessions.map(({ key, kind }) => (kind === 'run' ? runWorkflowIdOf(key) : workflowIdOf(key)));
      return await removeAll(
        ids.filter((id) => !known.has(id)).map((workflowId) => ({ workflowId })),
        signal,
      );
    },
    async remaining(signal) {
      const left = await listed(signal);
      await removeAll(left, signal);
      return left.length;
    },
  };
}

/** The user's executions of Perdure's types. A workflow of another type is the application's, whatever its id. */
async function listByUser(client: Client, user: string): Promise<Execution[]> {
  const encoded = encodeURIComponent(user);
  const found = new Map<string, Execution>();
  const types = `WorkflowType IN ('${WORKFLOW.session}', '${WORKFLOW.run}')`;
  const queries = [
    `${types} AND (WorkflowId STARTS_WITH ${filterValue(`${encoded}:`)} OR WorkflowId STARTS_WITH ${filterValue(`:run:${encoded}:`)})`,
    // A list filter cannot contain a double quote.
    ...(user.includes('"') ? [] : [`${types} AND ${SEARCH_ATTRIBUTE.user} = ${filterValue(user)}`]),
  ];
  for (const query of queries) {
    for await (const { workflowId, runId, searchAttributes } of client.workflow.list({ query })) {
      if (!isOf(user, workflowId) && searchAttributes[SEARCH_ATTRIBUTE.user]?.[0] !== user) continue;
      found.set(runId, { workflowId, runId });
    }
  }
  return [...found.values()];
}

function isOf(user: string, workflowId: string): boolean {
  try {
    return sessionKeyOf(workflowId).user === user;
  } catch {
    return false;
  }
}

/** Executions of clean-ups whose history names the user: as whose sessions were cleaned up, or where a page ended. */
async function listCleanUps(client: Client, user: string, signal: AbortSignal): Promise<Execution[]> {
  const found: Execution[] = [];
  const candidates: { workflowId: string; runId: string }[] = [];
  for await (const { workflowId, runId } of client.workflow.list({
    query: `WorkflowType = '${WORKFLOW.maintenance}'`,
  })) {
    candidates.push({ workflowId, runId });
  }
  for (let at = 0; at < candidates.length; at += AT_ONCE) {
    signal.throwIfAborted();
    const some = candidates.slice(at, at + AT_ONCE);
    const names = await Promise.all(some.map((execution) => historyNames(client, execution, user)));
    found.push(...some.filter((_, index) => names[index]));
  }
  return found;
}

function unavailable(cause: unknown): PerdureError {
  return new PerdureError(
    'temporal_unavailable',
    'Temporal did not list or delete the executions of the user. Check that it responds, and that the credential of the workers may delete executions.',
    { cause },
  );
}
