import type { CircuitPhase } from '../../contracts/provider.ts';
import type { ProviderLimits } from './provider-limits.ts';

/** A provider's circuit breaker. Times are epoch ms. */
export interface Circuit {
  /** Failures in a row. */
  readonly failures: number;
  /** When it was opened, however often a trial call has failed since; null while it is closed. */
  readonly openedAtMs: number | null;
  readonly openUntilMs: number | null;
}

export const CLOSED: Circuit = { failures: 0, openedAtMs: null, openUntilMs: null };

/** Open for its time, then half open until a trial call has ended. */
export function circuitPhase({ openUntilMs }: Circuit, nowMs: number): CircuitPhase {
  if (openUntilMs === null) return 'closed';
  return nowMs < openUntilMs ? 'open' : 'half_open';
}

/**
 * The circuit after a call. Closed, it counts failures in a row. Otherwise only its trial call counts: calls that were
 * begun before it opened say nothing new.
 */
export function circuitAfter(
  circuit: Circuit,
  { failures: most, openMs }: ProviderLimits['circuit'],
  call: { readonly failed: boolean; readonly trial: boolean },
  nowMs: number,
): Circuit {
  const closed = circuitPhase(circuit, nowMs) === 'closed';
  if (!closed && !call.trial) return circuit;
  if (!call.failed) return CLOSED;
  const failures = circuit.failures + 1;
  if (closed && failures < most) return { ...circuit, failures };
  return { failures, openedAtMs: circuit.openedAtMs ?? nowMs, openUntilMs: nowMs + openMs };
}
