import type { AgentVersion } from '../../contracts/agent.ts';
import { hasCandidate } from '../../core/releases/has-candidate.ts';
import type { Db } from '../../store/db/db.ts';
import { readReleases, type StoredRelease } from '../../store/admin/releases/read-releases.ts';
import { readAgentVersion } from '../../store/runs/agent-versions.ts';

interface LoadedRelease extends StoredRelease {
  readonly baseVersion: AgentVersion | null;
  readonly candidateVersion: AgentVersion | null;
}

/** The releases of agents, in memory: a run that starts reads nothing. */
export class AgentReleases {
  readonly #db: Db;
  readonly #versions = new Map<string, AgentVersion>();
  #releases: ReadonlyMap<string, LoadedRelease> = new Map();

  constructor(db: Db) {
    this.#db = db;
  }

  /** Reads the releases, and the versions that are new in them. */
  async refresh(): Promise<void> {
    const loaded = new Map<string, LoadedRelease>();
    for (const release of await readReleases(this.#db)) {
      loaded.set(release.agent, {
        ...release,
        baseVersion: await this.#load(release.base),
        candidateVersion: await this.#load(release.candidate),
      });
    }
    this.#releases = loaded;
  }

  /** The version of an agent that a new run of a user gets; null: that of the worker. */
  versionFor(agent: string, user: string): AgentVersion | null {
    const release = this.#releases.get(agent);
    if (release === undefined) return null;
    return release.candidate !== null && hasCandidate(release, user) ? release.candidateVersion : release.baseVersion;
  }

  async #load(hash: string | null): Promise<AgentVersion | null> {
    if (hash === null) return null;
    const known = this.#versions.get(hash) ?? (await readAgentVersion(this.#db, hash));
    if (known !== null) this.#versions.set(hash, known);
    return known;
  }
}
