import { dirname, join, normalize, sep } from 'node:path';
import { watch } from 'chokidar';
import type { AgentRegistry } from '../../agents/agent-registry.ts';
import type { ReplaceableRegistry } from '../../agents/replaceable-registry.ts';
import { displayPath } from '../../agents/templates/display-path.ts';
import { changedFiles, hashAgentFiles, hashFile, isCode, isIgnored, type FileHashes } from './agent-files.ts';
import { describeReload, versionsOf } from './describe-reload.ts';

/** A change is complete after this time without another one, because editors write a file in several steps. */
const SETTLE_MS = 100;

export interface ReloadDeps {
  readonly agentsDir: string;
  readonly deploymentFile: string;
  readonly agents: ReplaceableRegistry;
  /** The files that `agents` was loaded from. */
  readonly loaded: LoadedFiles;
  /** Loads the agents. Each `revision` evaluates their modules again. Rejects with a message that lists all problems. */
  readonly load: (revision: number) => Promise<AgentRegistry>;
  /** Called with valid agents before they become current. */
  readonly save: (agents: AgentRegistry) => Promise<void>;
  readonly print: (line: string) => void;
}

/** Hashes of the watched files. */
export interface LoadedFiles {
  readonly agents: FileHashes;
  /** Null if the file does not exist. */
  readonly deployment: string | null;
}

/** Reads what {@link reloadAgents} compares with. Call it before the files are loaded, so that no later change is missed. */
export async function readLoadedFiles(paths: Pick<ReloadDeps, 'agentsDir' | 'deploymentFile'>): Promise<LoadedFiles> {
  const [agents, deployment] = await Promise.all([hashAgentFiles(paths.agentsDir), hashFile(paths.deploymentFile)]);
  return { agents, deployment };
}

/**
 * Reloads the agents whenever one of their files changes, and prints a line about it. Valid agents become current at
 * once; otherwise the problems are printed and the current agents stay. A change of the deployment file is only reported.
 * Stops when the result is disposed.
 */
export function reloadAgents(deps: ReloadDeps): AsyncDisposable {
  const { agentsDir, deploymentFile, print } = deps;
  const reloader = new AgentReloader(deps);
  let timer: NodeJS.Timeout | undefined;
  let checking: Promise<void> = Promise.resolve();
  const check = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => (checking = checking.then(() => reloader.check())), SETTLE_MS);
  };
  // The parent folders are watched, because the folder of agents and the file may be created or deleted.
  const roots = [dirname(agentsDir), dirname(deploymentFile)];
  const isWatched = (path: string): boolean =>
    roots.includes(path) ||
    path === deploymentFile ||
    path === agentsDir ||
    (path.startsWith(join(agentsDir, sep)) && !isIgnored(agentsDir, path));
  const watcher = watch(roots, { ignoreInitial: true, ignored: (path) => !isWatched(normalize(path)) });
  watcher.on('all', check);
  watcher.on('error', (error) => {
    const reason = error instanceof Error ? error.message : String(error);
    print(`agents: cannot watch ${displayPath(agentsDir)} (${reason}); restart to apply changes`);
  });
  // Files may have changed since they were loaded.
  watcher.on('ready', check);
  return {
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      await watcher.close();
      await checking;
    },
  };
}

class AgentReloader {
  readonly #deps: ReloadDeps;
  #loaded: LoadedFiles;
  #revision = 0;

  constructor(deps: ReloadDeps) {
    this.#deps = deps;
    this.#loaded = deps.loaded;
  }

  /** Compares the files with those of the last call, and loads the agents if theirs differ. Never rejects. */
  async check(): Promise<void> {
    const { deploymentFile, print } = this.#deps;
    const before = this.#loaded;
    this.#loaded = await readLoadedFiles(this.#deps);
    if (before.deployment !== this.#loaded.deployment) {
      print(`${displayPath(deploymentFile)}: changed; restart Perdure to apply it`);
    }
    const changed = changedFiles(before.agents, this.#loaded.agents);
    if (changed.length > 0) await this.#reload(changed);
  }

  async #reload(changed: readonly string[]): Promise<void> {
    const { agents, load, save, print } = this.#deps;
    if (changed.some(isCode)) this.#revision += 1;
    try {
      const next = await load(this.#revision);
      await save(next);
      const line = describeReload(versionsOf(agents), versionsOf(next), changed);
      agents.replaceWith(next);
      print(line);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      print(`agents: not reloaded, the last valid ones stay in use. ${reason}`);
    }
  }
}
