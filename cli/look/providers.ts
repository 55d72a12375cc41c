import type { ProviderStatus } from '../../contracts/provider.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { printTable } from '../render/print-table.ts';

/** `perdure providers`: lists the limits, circuits and waiting runs of model providers. */
export async function providers(deps: CommandDeps): Promise<void> {
  const page = await deps.client.providers();
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.print('No provider has limits, and all have been healthy.');
  const rows = page.data.map((one) => [
    one.provider,
    providerState(one),
    ...[one.limits.concurrency, one.limits.requestsPerMinute, one.limits.tokensPerMinute].map((limit) =>
      limit === null ? 'unlimited' : limit.toLocaleString('en'),
    ),
    String(one.inFlight),
    String(one.waiting),
  ]);
  const heading = ['PROVIDER', 'CIRCUIT', 'CONCURRENCY', 'REQUESTS/MIN', 'TOKENS/MIN', 'IN FLIGHT', 'WAITING'];
  printTable(deps, [heading, ...rows]);
}

/** The state of a provider's circuit in words. */
export function providerState({ circuit, coolDownUntil }: ProviderStatus): string {
  if (circuit.state === 'open') return `open since ${circuit.since}, until ${circuit.until}`;
  if (circuit.state === 'half_open') return `half open since ${circuit.since}: testing with one call`;
  if (coolDownUntil !== null) return `closed, cooling down until ${coolDownUntil}`;
  return circuit.failures > 0 ? `closed, ${circuit.failures} consecutive failures` : 'closed';
}
