import type { RunWhy } from '../../contracts/why.ts';
import type { CommandDeps } from './command-deps.ts';
import { CliError, EXIT } from './exit-codes.ts';
import { nullIfNotFound } from './null-if-not-found.ts';
import { resolveRun } from './resolve-run.ts';
import { sessionBeginningWith } from './with-session.ts';

/** For arguments that name a run or a session: the only one that `text` stands for, or null. Throws when it stands for several. */
export async function findByShortId(
  deps: Pick<CommandDeps, 'client' | 'of'>,
  text: string,
): Promise<{ readonly run: RunWhy } | { readonly session: string } | null> {
  const runId = await resolveRun(deps.client, undefined, text);
  const run = await nullIfNotFound(() => deps.client.whyRun(undefined, runId));
  const isWholeId = run !== null && runId === text;
  const session = isWholeId ? null : await sessionBeginningWith(deps, text);
  if (run !== null && session !== null) {
    throw new CliError(
      `A session and a run match ${JSON.stringify(text)}. Use more of the id:\n  session ${session}\n  run ${runId}`,
      EXIT.usage,
    );
  }
  if (run !== null) return { run };
  return session === null ? null : { session };
}
