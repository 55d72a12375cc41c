import { LRUCache } from 'lru-cache';
import { workflowIdOf, type SessionKey } from '../../contracts/session/session-key.ts';

/** Sessions that are remembered at once. Each takes a few kilobytes. */
const MAX_SESSIONS = 2_000;

interface Entry {
  readonly user: string;
  /** Version of the session that the last known change has made; null while the change is not known to be committed. */
  version: string | null;
  state: object | null;
}

/**
 * What a process remembers of the sessions in its embedded store, which no other process opens. A session is forgotten before each
 * statement that may change or delete it; one that finds its sessions itself forgets them afterwards. Writes that use what is remembered
 * compare its version. The states are those of `store/log/resting-session.ts`.
 */
export class SessionMemory {
  readonly #entries = new LRUCache<string, Entry>({ max: MAX_SESSIONS });

  /**
   * Forgets a session. Must be called before a statement that may change it is sent. Returns a function to call with the version
   * that the statement has made; {@link remember} then accepts a state with this version.
   */
  forget(key: SessionKey): (version: string) => void {
    const entry: Entry = { user: key.user, version: null, state: null };
    this.#entries.set(workflowIdOf(key), entry);
    return (version) => {
      entry.version = version;
    };
  }

  /** Forgets the sessions of a user: before they are deleted, and after a change of what their states have of the user. */
  forgetUser(user: string): void {
    for (const [id, entry] of this.#entries) if (entry.user === user) this.#entries.delete(id);
  }

  /** Remembers a session with this version, unless another change of it has begun since. */
  remember(key: SessionKey, version: string, state: object): void {
    const entry = this.#entries.get(workflowIdOf(key));
    if (entry?.version === version) entry.state = state;
  }

  /** Returns what is remembered; null for nothing. */
  recall(key: SessionKey): object | null {
    return this.#entries.get(workflowIdOf(key))?.state ?? null;
  }
}
