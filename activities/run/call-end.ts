import type { ProviderOutcome } from '../../core/providers/provider-state.ts';
import type { ModelError, ModelReply } from '../../models/model-client.ts';

/** What a reply says of its provider. */
export function endOfReply({ usage }: ModelReply): ProviderOutcome {
  const { inputTokens = null, outputTokens = null } = usage ?? {};
  const tokens = inputTokens === null || outputTokens === null ? null : inputTokens + outputTokens;
  return { health: 'up', replied: true, tokens };
}

const BROKEN = new Set(['timeout', 'connection', 'stream_truncated']);

/**
 * What a failure says of its provider. 5xx, timeouts and broken connections say that it is down. Other statuses are
 * answers: nothing is wrong with a provider that refuses a request or has no credit left for us.
 */
export function endOfFailure({ reason, httpStatus, retryAfterMs }: ModelError): ProviderOutcome {
  const refused = reason === 'rate_limited' || (httpStatus === 503 && retryAfterMs !== null);
  const down = BROKEN.has(reason) || (reason === 'server_error' && (httpStatus === null || httpStatus >= 500));
  const answered = reason === 'rate_limited' || httpStatus !== null;
  return {
    health: down ? 'down' : answered ? 'up' : 'unknown',
    replied: false,
    tokens: null,
    ...(refused ? { retryAfterMs } : {}),
  };
}

/** A call that we cut off says nothing. */
export const CUT_OFF: ProviderOutcome = { health: 'unknown', replied: false, tokens: null };
