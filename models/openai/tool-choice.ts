import type { ModelRequest } from '../model-client.ts';

/** The tools to offer and how much they are insisted on. */
export interface ToolOffer {
  readonly tools: ModelRequest['tools'];
  readonly choice: 'auto' | 'required' | 'none';
}

/**
 * A choice as every provider understands it. Many imitations of OpenAI ignore a tool chosen by name (llama.cpp
 * falls back to `auto`), so a named tool is offered alone and some call is required, which means the same.
 */
export function offerTools({ tools, toolChoice }: ModelRequest): ToolOffer {
  if (toolChoice === 'auto' || toolChoice === 'required' || toolChoice === 'none') return { tools, choice: toolChoice };
  return { tools: tools.filter(({ name }) => name === toolChoice), choice: 'required' };
}
