import type { ToolCallRequest } from '../../contracts/session/run.ts';

/** A tool's name as providers accept it. A model may have invented another, and its own call must be said back to it. */
export function wireName(tool: string): string {
  return tool.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64) || 'unnamed';
}

/** Arguments as the JSON object that providers insist on (some parse it); what was malformed is shown inside one. */
export function wireArguments(call: ToolCallRequest): string {
  const { arguments: args } = call;
  const isObject = typeof args === 'object' && args !== null && !Array.isArray(args);
  return JSON.stringify(isObject ? args : { malformed: args });
}
