import { createHash } from 'node:crypto';
import type { AgentSpec, ToolSpec } from './agent.ts';
import { canonicalJson } from './canonical-json.ts';

/**
 * Computes the hash that identifies an agent version: the SHA-256, in hexadecimal, of the spec and the tools' specs as
 * JSON with sorted keys. The order of keys does not affect it.
 */
export function agentHash(content: { readonly spec: AgentSpec; readonly tools: readonly ToolSpec[] }): string {
  const { spec, tools } = content;
  return createHash('sha256').update(canonicalJson({ spec, tools })).digest('hex');
}
