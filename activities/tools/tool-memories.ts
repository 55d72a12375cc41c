import type { ToolMemories } from '../../agents/tool-memories.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { readRunMessages } from '../../store/read/read-run-messages.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** A tool's access to the long-term memory of the user whose session calls it. */
export function toolMemories(
  { db, memories }: Pick<ActivityDeps, 'db' | 'memories'>,
  key: SessionKey,
  runId: string,
): ToolMemories {
  // A run without a session has its rows under its own id.
  const session = key.session === runId ? {} : { session: key.session };
  const cause = { session: key.session, run: runId };
  return {
    remember: async (content, { replaces } = {}) => {
      const message = (await readRunMessages(db, key, runId)).at(-1);
      const source = { ...session, run: runId, ...(message === undefined ? {} : { message }) };
      return await memories.remember(
        key.user,
        { content, source, ...(replaces === undefined ? {} : { replaces }) },
        { cause },
      );
    },
    search: (query, options) => memories.search(key.user, query, { ...options, cause }),
    forget: async (id) => (await memories.forget(key.user, id)) > 0,
  };
}
