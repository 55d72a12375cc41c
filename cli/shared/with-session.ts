import { PerdureError } from '../../contracts/errors.ts';
import type { CommandDeps } from './command-deps.ts';
import { CliError, EXIT } from './exit-codes.ts';

const SHOWN = 5;

/**
 * Calls `use` with the id of a session. If there is no such session, calls it again with the id of the only session that
 * begins with `text`, so `use` must have shown nothing before. Throws a {@link CliError} with the candidates when several do. Not for commands that create sessions.
 */
export async function withSession<T>(
  deps: Pick<CommandDeps, 'client' | 'of'>,
  text: string,
  use: (id: string) => Promise<T>,
): Promise<T> {
  try {
    return await use(text);
  } catch (error) {
    const id = isNotFound(error) ? await sessionBeginningWith(deps, text) : null;
    if (id === null) throw error;
    return await use(id);
  }
}

/** For commands that change or end a session without asking: as {@link withSession}, but only a whole id is accepted. */
export async function withWholeSessionId<T>(
  deps: Pick<CommandDeps, 'client' | 'of'>,
  id: string,
  use: (id: string) => Promise<T>,
): Promise<T> {
  try {
    return await use(id);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const { ids } = await candidates(deps, id);
    if (ids.length === 0) throw error;
    throw new CliError(
      `There is no session ${JSON.stringify(id)}. This command takes the whole id of a session, such as:\n${listOf(ids)}`,
      EXIT.refused,
    );
  }
}

/** The id of the only session that begins with `text`; null if none does, or if `text` is the id of a session. */
export async function sessionBeginningWith(
  deps: Pick<CommandDeps, 'client' | 'of'>,
  text: string,
): Promise<string | null> {
  const { ids, complete } = await candidates(deps, text);
  if (ids.length <= 1) return complete ? (ids[0] ?? null) : null;
  throw new CliError(
    `${complete ? ids.length : 'Several'} sessions begin with ${JSON.stringify(text)}. Use more of the id:\n${listOf(ids)}`,
    EXIT.usage,
  );
}

/** The sessions that begin with `text`; none if `text` is itself the id of one. `complete`: all of them. */
async function candidates(
  { client, of }: Pick<CommandDeps, 'client' | 'of'>,
  text: string,
): Promise<{ readonly ids: readonly string[]; readonly complete: boolean }> {
  // A table on a narrow terminal cuts ids.
  const prefix = text.replace(/…$/, '');
  const { data, nextCursor } = await client.sessions({ idPrefix: prefix, user: of });
  // A gateway of an older version ignores the filter.
  const ids = data.map(({ id }) => id).filter((id) => id.startsWith(prefix));
  return { ids: ids.includes(text) ? [] : ids, complete: nextCursor === null || ids.length === data.length };
}

function isNotFound(error: unknown): boolean {
  return error instanceof PerdureError && error.code === 'not_found';
}

function listOf(ids: readonly string[]): string {
  // A session id contains no control characters.
  const more = ids.length > SHOWN ? ['  …'] : [];
  return [...ids.slice(0, SHOWN).map((id) => `  ${id}`), ...more].join('\n');
}
