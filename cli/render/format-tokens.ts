import type { SessionRecord } from '../../contracts/session/session.ts';
import { formatCount } from './format-count.ts';

/** A gateway of an older version sends `usage` only. */
type ShownTokens = Pick<SessionRecord, 'usage'> &
  Partial<Pick<SessionRecord, 'knownUsage' | 'unmeteredCalls' | 'estimatedInputTokens' | 'estimatedOutputTokens'>>;

/** The tokens of a session or run: `1,010 input, 34 output`. Those of calls without reported tokens are not zero: `at least`. */
export function formatTokens(of: ShownTokens): string {
  const {
    usage,
    knownUsage,
    unmeteredCalls = 0,
    estimatedInputTokens: input = 0,
    estimatedOutputTokens: output = 0,
  } = of;
  const unknown = usage.inputTokens === null || usage.outputTokens === null || unmeteredCalls > 0;
  if (!unknown || !knownUsage || knownUsage.inputTokens === null)
    return inputAndOutput(usage.inputTokens, usage.outputTokens);
  const estimate = input + output > 0 ? ` (estimated: about ${inputAndOutput(input, output)})` : '';
  const rest = unmeteredCalls > 0 ? `; unknown for ${formatCount(unmeteredCalls, 'call')}${estimate}` : '';
  return `at least ${inputAndOutput(knownUsage.inputTokens, knownUsage.outputTokens)}${rest}`;
}

function inputAndOutput(input: number | null, output: number | null): string {
  return `${formatCount(input, 'input', 'input')}, ${formatCount(output, 'output', 'output')}`;
}
