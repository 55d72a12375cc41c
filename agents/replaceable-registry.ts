import type { AgentRegistry } from './agent-registry.ts';

/** A registry whose agents can be replaced while runs use it. */
export interface ReplaceableRegistry extends AgentRegistry {
  /** Makes `next` current. Tools of earlier agent versions stay callable by the hash of their version. */
  replaceWith(next: AgentRegistry): void;
}

/**
 * A registry that starts with the agents of `first`. It keeps every registry that it was given, so that a run that is
 * in progress calls the tools of the version that it has pinned.
 */
export function createReplaceableRegistry(first: AgentRegistry): ReplaceableRegistry {
  let current = first;
  const loadedWith = new Map<string, AgentRegistry>();

  function index(registry: AgentRegistry): void {
    for (const { name } of registry.list()) {
      const version = registry.agent(name);
      if (version !== undefined) loadedWith.set(version.hash, registry);
    }
  }

  index(first);
  return {
    get defaultAgent() {
      return current.defaultAgent;
    },
    agent: (name) => current.agent(name),
    list: () => current.list(),
    tool(name, version) {
      const registry = version === undefined ? undefined : loadedWith.get(version);
      return registry?.tool(name) ?? current.tool(name);
    },
    middleware(name, version) {
      const registry = version === undefined ? undefined : loadedWith.get(version);
      return registry?.middleware?.(name) ?? current.middleware?.(name);
    },
    approvalPredicate(name, version) {
      const registry = version === undefined ? undefined : loadedWith.get(version);
      return registry?.approvalPredicate?.(name) ?? current.approvalPredicate?.(name);
    },
    approvalEvaluator(name, version) {
      const registry = version === undefined ? undefined : loadedWith.get(version);
      return registry?.approvalEvaluator?.(name) ?? current.approvalEvaluator?.(name);
    },
    contextProvider(name, version) {
      const registry = version === undefined ? undefined : loadedWith.get(version);
      return registry?.contextProvider?.(name) ?? current.contextProvider?.(name);
    },
    get folder() {
      return current.folder;
    },
    replaceWith(next) {
      index(next);
      current = next;
    },
  };
}
