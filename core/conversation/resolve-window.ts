import type { AgentSpec } from '../../contracts/agent.ts';
import { LIMITS } from '../../contracts/limits.ts';

/** The context window of an agent's calls to one model. */
export interface ResolvedWindow {
  /** Input and output tokens together. */
  readonly maxTokens: number;
  /** Kept for the answer; at most half of the window. */
  readonly reserveTokens: number;
  /** Whether messages that no longer fit are summarised. */
  readonly summaries: boolean;
  /** Whether the agent has a window of its own. Otherwise the reserve is kept only once a context exceeds the model's window. */
  readonly isSet: boolean;
}

/** Resolves the window of an agent for a model with a window of `contextTokens`, null if that is unknown. Null: the context has no bound in tokens. */
export function resolveWindow(
  { window, maxOutputTokens = 0, history }: Pick<AgentSpec, 'window' | 'maxOutputTokens' | 'history'>,
  contextTokens: number | null,
): ResolvedWindow | null {
  if (!window && contextTokens === null) return null;
  const known = contextTokens ?? window?.maxTokens ?? LIMITS.contextTokens.value;
  const maxTokens = Math.min(known, window?.maxTokens ?? known);
  const reserveTokens = window?.reserveTokens ?? Math.max(LIMITS.reserveTokens.value, maxOutputTokens);
  return {
    maxTokens,
    reserveTokens: Math.min(reserveTokens, Math.floor(maxTokens / 2)),
    summaries: window !== undefined && (window.summaries ?? true) && history !== false,
    isSet: window !== undefined,
  };
}
