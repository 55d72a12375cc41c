import type { ToolCallRequest } from '../../contracts/session/run.ts';

/** A tool's name in the characters that providers accept. The names of earlier calls may have been invented by a model. */
export function encodeToolName(tool: string): string {
  return tool.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64) || 'unnamed';
}

/** Arguments as a JSON object, which providers require (some parse it). Malformed arguments are wrapped in one. */
export function encodeArguments(call: ToolCallRequest): string {
  const { arguments: args } = call;
  const isObject = typeof args === 'object' && args !== null && !Array.isArray(args);
  return JSON.stringify(isObject ? args : { malformed: args });
}
