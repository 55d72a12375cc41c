import type { CircuitPhase } from '../../contracts/provider.ts';
import type { ProviderLimits } from './provider-limits.ts';

/** A provider's circuit breaker. Times are epoch ms. */
export interface Circuit {
  /** Consecutive failures. */
  readonly failures: number;
  /** When it opened; failed trial calls do not change it. Null while it is closed. */
  readonly openedAtMs: number | null;
  readonly openUntilMs: number | null;
  /** The runs among the failures whose further failures do not count. Absent: none. */
  readonly runs?: readonly string[];
}

export const CLOSED: Circuit = { failures: 0, openedAtMs: null, openUntilMs: null };

/** An open circuit becomes half open at `openUntilMs`, and stays so until a trial call has ended. */
export function circuitPhase({ openUntilMs }: Circuit, nowMs: number): CircuitPhase {
  if (openUntilMs === null) return 'closed';
  return nowMs < openUntilMs ? 'open' : 'half_open';
}

/**
 * The circuit after a call. A closed circuit counts consecutive failures, those of a run that may have caused them once.
 * Otherwise only the trial call counts: the other calls started before the circuit opened.
 */
export function circuitAfter(
  circuit: Circuit,
  { failures: threshold, openMs }: ProviderLimits['circuit'],
  call: { readonly failed: boolean; readonly trial: boolean; readonly countsOnceFor?: string | undefined },
  nowMs: number,
): Circuit {
  const closed = circuitPhase(circuit, nowMs) === 'closed';
  if (!closed && !call.trial) return circuit;
  if (!call.failed) return CLOSED;
  const { countsOnceFor: run } = call;
  const { runs = [] } = circuit;
  if (closed && run !== undefined && runs.includes(run)) return circuit;
  const failures = circuit.failures + 1;
  if (closed && failures < threshold)
    return { ...circuit, failures, ...(run === undefined ? {} : { runs: [...runs, run] }) };
  return { failures, openedAtMs: circuit.openedAtMs ?? nowMs, openUntilMs: nowMs + openMs };
}
