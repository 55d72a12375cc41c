import type { AgentSpec } from './agent.ts';

/** The models of an agent in the order in which they are asked, as `provider/model`; null for an agent that names none. */
export function modelsOf({ model, fallbackModels = [] }: Pick<AgentSpec, 'model' | 'fallbackModels'>): string[] | null {
  return model === undefined ? null : [model, ...fallbackModels];
}
