import type { ModelRequest } from '../model-client.ts';

/** The tools to offer, and whether the model must call one. */
export interface ToolOffer {
  readonly tools: ModelRequest['tools'];
  readonly choice: 'auto' | 'required' | 'none';
}

/**
 * Expresses a tool choice so that every provider supports it. Many compatible servers ignore a tool chosen by name (llama.cpp
 * falls back to `auto`), so a named tool is the only one offered and a call is required.
 */
export function offerTools({ tools, toolChoice }: ModelRequest): ToolOffer {
  if (toolChoice === 'auto' || toolChoice === 'required' || toolChoice === 'none') return { tools, choice: toolChoice };
  return { tools: tools.filter(({ name }) => name === toolChoice), choice: 'required' };
}
