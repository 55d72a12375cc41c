import type { ToolState } from '../agents/define-tool.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import { readSession } from '../store/read-session.ts';
import { updateSession } from '../store/update-session.ts';
import type { ActivityDeps } from './deps.ts';
import { ring } from './ring.ts';

/** What a tool reads and writes of its session's state. */
export function toolState({ db, live }: ActivityDeps, key: SessionKey): ToolState {
  return {
    read: async () => (await readSession(db, key))?.state ?? {},
    merge: async (state) => ring(live, key, (await updateSession(db, key, { state })).events),
  };
}
