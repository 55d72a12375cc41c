import { expect, test } from 'vitest';
import type { SessionQuery } from '../../../client/http/queries.ts';
import type { CommandDeps } from '../../../cli/shared/command-deps.ts';
import { findByShortId } from '../../../cli/shared/find-by-short-id.ts';
import { sessionBeginningWith, withSession, withWholeSessionId } from '../../../cli/shared/with-session.ts';
import { PerdureError } from '../../../contracts/errors.ts';

/** A user with these sessions. An old gateway does not filter by the beginning of an id, and returns pages of 3. */
function userWith(sessions: readonly string[], { isOld = false } = {}) {
  const queries: SessionQuery[] = [];
  const client = {
    async sessions(query: SessionQuery) {
      queries.push(query);
      const found = isOld ? sessions.slice(0, 3) : sessions.filter((id) => id.startsWith(query.idPrefix ?? ''));
      return { data: found.map((id) => ({ id })), nextCursor: isOld && sessions.length > 3 ? 'more' : null };
    },
  };
  const read = async (id: string): Promise<string> => {
    if (sessions.includes(id)) return id;
    throw new PerdureError('not_found', `There is no session "${id}".`);
  };
  return { deps: { client, of: 'bob' } as unknown as CommandDeps, read, queries };
}

async function noRun(): Promise<never> {
  throw new PerdureError('not_found', 'There is no such run.');
}

test('an id that exists is used as it is, without a search', async () => {
  const { deps, read, queries } = userWith(['a', 'ab']);
  expect(await withSession(deps, 'a', read)).toBe('a');
  expect(queries).toEqual([]);
});

test('the beginning of one id stands for it, also as a table cuts it, among the sessions of the user that is meant', async () => {
  const { deps, read, queries } = userWith(['support-17', 'sales']);
  expect(await withSession(deps, 'sup', read)).toBe('support-17');
  expect(await withSession(deps, 'suppo…', read)).toBe('support-17');
  expect(queries).toEqual([
    { idPrefix: 'sup', user: 'bob' },
    { idPrefix: 'suppo', user: 'bob' },
  ]);
});

test('the beginning of several ids is refused with the candidates', async () => {
  const { deps, read } = userWith(['s-1', 's-2']);
  await expect(withSession(deps, 's', read)).rejects.toMatchObject({
    message: '2 sessions begin with "s". Use more of the id:\n  s-1\n  s-2',
    exitCode: 2,
  });
});

test('what begins no id stays unknown, and so does what is missing in a session that exists', async () => {
  const { deps, read } = userWith(['s-1', 's-12']);
  await expect(withSession(deps, 'x', read)).rejects.toThrow('There is no session "x".');
  await expect(withSession(deps, 's-1', noRun)).rejects.toThrow('There is no such run.');
  await expect(withWholeSessionId(deps, 's-1', noRun)).rejects.toThrow('There is no such run.');
});

test('a command that does not ask takes whole ids only, and names those that begin so', async () => {
  const { deps, read } = userWith(['support-17']);
  await expect(withWholeSessionId(deps, 'sup', read)).rejects.toMatchObject({
    message: 'There is no session "sup". This command takes the whole id of a session, such as:\n  support-17',
    exitCode: 4,
  });
  expect(await withWholeSessionId(deps, 'support-17', read)).toBe('support-17');
});

test('an older gateway, which does not search, resolves an id only if its first page is all', async () => {
  const all = userWith(['support-17', 'a'], { isOld: true });
  expect(await sessionBeginningWith(all.deps, 'sup')).toBe('support-17');
  const part = userWith(['support-17', 'a', 'b', 'support-18'], { isOld: true });
  expect(await sessionBeginningWith(part.deps, 'sup')).toBeNull();
});

test('what begins both a session and a run is refused with both', async () => {
  const runs = ['abcd1234-0000-7000-8000-000000000000'];
  const { deps } = userWith(['abcd-session', 'other']);
  const client = {
    ...deps.client,
    listRuns: async ({ id = '' }) => ({ data: runs.filter((run) => run.startsWith(id)).map((run) => ({ id: run })) }),
    async whyRun(_session: undefined, run: string) {
      if (runs.includes(run)) return { runId: run };
      throw new PerdureError('not_found', 'There is no such run.');
    },
  };
  const found = (text: string) => findByShortId({ ...deps, client } as unknown as CommandDeps, text);
  await expect(found('abcd')).rejects.toMatchObject({
    message: `A session and a run match "abcd". Use more of the id:\n  session abcd-session\n  run ${runs[0]}`,
    exitCode: 2,
  });
  expect(await found('abcd1')).toEqual({ run: { runId: runs[0] } });
  expect(await found('abcd-s')).toEqual({ session: 'abcd-session' });
  expect(await found('nothing')).toBeNull();
});
