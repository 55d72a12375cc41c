import type { ProviderOutcome } from '../../core/providers/provider-state.ts';
import type { ModelError, ModelReply } from '../../models/model-client.ts';

/** The provider outcome of a reply. */
export function outcomeOfReply({ usage }: ModelReply): ProviderOutcome {
  const { inputTokens = null, outputTokens = null } = usage ?? {};
  const tokens = inputTokens === null || outputTokens === null ? null : inputTokens + outputTokens;
  return { health: 'up', replied: true, tokens };
}

const BROKEN = new Set(['timeout', 'connection', 'stream_truncated']);
/** Statuses of a proxy whose server is down, whatever the request. */
const UNREACHABLE = new Set([502, 503, 504]);

/**
 * The provider outcome of an error. 5xx, timeouts and broken connections mean that the provider is down. Other statuses mean
 * that it is up: rejecting a request, or having no credit left, is no outage. A failure that the message itself may have
 * caused, such as a broken stream, counts once for all attempts of the run `runId`.
 */
export function outcomeOfError({ reason, httpStatus, retryAfterMs }: ModelError, runId: string): ProviderOutcome {
  const rateLimited = reason === 'rate_limited' || (httpStatus === 503 && retryAfterMs !== null);
  const down = BROKEN.has(reason) || (reason === 'server_error' && (httpStatus === null || httpStatus >= 500));
  const unreachable = reason === 'connection' || (httpStatus !== null && UNREACHABLE.has(httpStatus));
  const responded = reason === 'rate_limited' || httpStatus !== null;
  return {
    health: down ? 'down' : responded ? 'up' : 'unknown',
    replied: false,
    tokens: null,
    ...(down && !unreachable ? { countsOnceFor: runId } : {}),
    ...(rateLimited ? { retryAfterMs } : {}),
  };
}

/** The provider outcome of a call that was aborted here. */
export const ABORTED: ProviderOutcome = { health: 'unknown', replied: false, tokens: null };
