import type { Deployment } from '../../contracts/deployment.ts';
import type { ProviderStatus } from '../../contracts/provider.ts';
import { circuitPhase } from '../../core/providers/circuit.ts';
import { isCooling } from '../../core/providers/cool-down.ts';
import { providerLimits } from '../../core/providers/provider-limits.ts';
import { NEW_PROVIDER } from '../../core/providers/provider-state.ts';
import { readProviders, type ProviderSnapshot } from '../../store/admin/providers/read-providers.ts';
import type { Db } from '../../store/db/db.ts';

/** Every provider with limits in the deployment, or used by a worker, sorted by name. */
export async function providerStatuses(db: Db, { providers = {} }: Deployment): Promise<ProviderStatus[]> {
  const known = new Map((await readProviders(db)).map((one) => [one.provider, one]));
  const names = [...new Set([...Object.keys(providers), ...known.keys()])].toSorted();
  return names.map((provider) => {
    const { concurrency, requestsPerMinute, tokensPerMinute } = providerLimits(providers[provider]);
    return { ...statusOf(provider, known.get(provider)), limits: { concurrency, requestsPerMinute, tokensPerMinute } };
  });
}

function statusOf(provider: string, known: ProviderSnapshot | undefined): Omit<ProviderStatus, 'limits'> {
  const { state, inFlight, waiting, nowMs } = known ?? { state: NEW_PROVIDER, inFlight: 0, waiting: 0, nowMs: 0 };
  const { circuit, coolDown } = state;
  const phase = circuitPhase(circuit, nowMs);
  return {
    provider,
    circuit: {
      state: phase,
      failures: circuit.failures,
      since: phase === 'closed' ? null : iso(circuit.openedAtMs),
      until: phase === 'open' ? iso(circuit.openUntilMs) : null,
    },
    coolDownUntil: isCooling(coolDown, nowMs) ? iso(coolDown.untilMs) : null,
    inFlight,
    waiting,
  };
}

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
