import { createHash } from 'node:crypto';
import type { AgentSpec, AgentVersion } from '../contracts/agent.ts';
import { toolSpecOf, type Tool } from './define-tool.ts';

/**
 * An agent as a run pins it. `hash` is the SHA-256, in hexadecimal, of the spec and the tools' specs as
 * JSON with sorted keys: the same content has the same hash, whatever the order of its keys.
 */
export function versionOf(spec: AgentSpec, tools: readonly Tool[]): AgentVersion {
  const content = { spec, tools: tools.map(toolSpecOf) };
  return { hash: createHash('sha256').update(canonicalJson(content)).digest('hex'), ...content };
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
