import type { CommandDeps } from './command-deps.ts';
import { resolveRun } from './resolve-run.ts';
import { withSession } from './with-session.ts';

/**
 * Calls `use` with the run that the arguments `<run>` or `<session> <run>` name. `session` is undefined for the first form: the
 * run can be in any of the user's sessions.
 */
export async function withRun<T>(
  deps: Pick<CommandDeps, 'client' | 'of'>,
  [first, second]: readonly [string, string | undefined],
  use: (session: string | undefined, runId: string) => Promise<T>,
): Promise<T> {
  if (second === undefined) return await use(undefined, await resolveRun(deps.client, undefined, first));
  return await withSession(deps, first, async (id) => await use(id, await resolveRun(deps.client, id, second)));
}
