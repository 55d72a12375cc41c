import { estimateTextTokens } from '../../models/estimate-tokens.ts';
import type { ModelReply } from '../../models/model-client.ts';
import type { CallEstimate } from '../../store/budgets/model-call.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { callCost } from './call-budget.ts';

/** The estimate of a call to `model` (`provider/model`), by the estimated tokens of its request and the text that it sent. */
export function estimateCall(
  deps: Pick<ActivityDeps, 'prices'>,
  model: string,
  inputTokens: number,
  { text, reasoning, toolCalls = [] }: Pick<ModelReply, 'text' | 'reasoning'> & Partial<Pick<ModelReply, 'toolCalls'>>,
): CallEstimate {
  const calls = toolCalls.map(({ tool, arguments: args }) => `${tool}${textOf(args)}`).join('');
  const outputTokens = estimateTextTokens(text + reasoning + calls);
  const usage = { inputTokens, outputTokens, cachedTokens: null, reasoningTokens: null };
  return { inputTokens, outputTokens, nanos: callCost(deps, model, usage).nanos };
}

/** Arguments as text. Those that are nested too deeply to be written count as nothing. */
function textOf(args: unknown): string {
  try {
    return JSON.stringify(args);
  } catch {
    return '';
  }
}
