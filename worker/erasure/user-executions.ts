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
  readonly runId: string;
}

/**
 * Finds a user's executions by the ids of workflows and by the search attribute, and deletes them at a bounded rate. `onFound` is called
 * before the deletion of those that this function has not found before is requested.
 */
export function userExecutions(
  client: Client,
  user: string,
  onFound: (runIds: readonly string[]) => Promise<void>,
): UserExecutions {
  const requested = new Set<string>();
  /** Workflows some execution of which was found. */
  const known = new Set<string>();
  /** Closed executions of clean-ups that do not name the user. */
  const others = new Set<string>();
  const turn = pace(LIMITS.erasedExecutionsPerSecond.value);
  const { namespace } = client.options;

  const remove = async (workflowExecution: Execution): Promise<void> => {
    await turn();
    const call = () => client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution });
    try {
      await client.withDeadline(Date.now() + TIMEOUT_MS, call);
    } catch (error) {
      if (!isAbsent(error)) throw unavailable(error);
    }
  };

  const removeAll = async (executions: readonly Execution[], signal: AbortSignal): Promise<void> => {
    const fresh = executions.filter(({ runId }) => !requested.has(runId));
    for (const { workflowId } of fresh) known.add(workflowId);
    for (let at = 0; at < fresh.length; at += AT_ONCE) {
      signal.throwIfAborted();
      const some = fresh.slice(at, at + AT_ONCE);
      await onFound(some.map(({ runId }) => runId));
      await Promise.all(some.map(remove));
      for (const { runId } of some) requested.add(runId);
    }
  };

  const newestOf = async (workflowId: string): Promise<Execution[]> => {
    try {
      const describe = () => client.workflow.getHandle(workflowId).describe();
      const { type, runId } = await client.withDeadline(Date.now() + TIMEOUT_MS, describe);
      return type === WORKFLOW.session || type === WORKFLOW.run ? [{ workflowId, runId }] : [];
    } catch (error) {
      if (isAbsent(error)) return [];
      throw unavailable(error);
    }
  };

  const listed = async (signal: AbortSignal): Promise<Execution[]> => {
    try {
      return [...(await listByUser(client, user)), ...(await listCleanUps(client, user, others, signal))];
    } catch (error) {
      signal.throwIfAborted();
      throw unavailable(error);
    }
  };

  return {
    async erase(sessions, signal) {
      if (sessions.length === 0) return await removeAll(await listed(signal), signal);
      const ids = sessions.map(({ key, kind }) => (kind === 'run' ? runWorkflowIdOf(key) : workflowIdOf(key)));
      const unlisted = ids.filter((id) => !known.has(id));
      for (let at = 0; at < unlisted.length; at += AT_ONCE) {
        signal.throwIfAborted();
        const newest = await Promise.all(unlisted.slice(at, at + AT_ONCE).map(newestOf));
        await removeAll(newest.flat(), signal);
      }
    },
    async remaining(signal) {
      const left = await listed(signal);
      await removeAll(left, signal);
      return left.length;
    },
  };
}

function isAbsent(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || isNotFound(error);
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

/** Executions of clean-ups whose history names the user: as whose sessions were cleaned up, or where a page ended. Adds closed ones that do not to `others`. */
async function listCleanUps(
  client: Client,
  user: string,
  others: Set<string>,
  signal: AbortSignal,
): Promise<Execution[]> {
  const found: Execution[] = [];
  const candidates: (Execution & { readonly isClosed: boolean })[] = [];
  const query = `WorkflowType = '${WORKFLOW.maintenance}'`;
  for await (const { workflowId, runId, closeTime } of client.workflow.list({ query })) {
    if (!others.has(runId)) candidates.push({ workflowId, runId, isClosed: closeTime !== undefined });
  }
  for (let at = 0; at < candidates.length; at += AT_ONCE) {
    signal.throwIfAborted();
    const some = candidates.slice(at, at + AT_ONCE);
    const names = await Promise.all(some.map((execution) => historyNames(client, execution, user)));
    for (const [index, { workflowId, runId, isClosed }] of some.entries()) {
      if (names[index]) found.push({ workflowId, runId });
      else if (isClosed) others.add(runId);
    }
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
