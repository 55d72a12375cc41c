import type { ProviderStatus } from '../../contracts/provider.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { formatTable } from '../render/format-table.ts';

/** `perdure providers`: limits, circuits and waits of the providers of models. */
export async function providers(deps: CommandDeps): Promise<void> {
  const page = await deps.client.providers();
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.print('No provider has limits, and none was in trouble so far.');
  const rows = page.data.map((one) => [
    one.provider,
    providerState(one),
    ...[one.limits.concurrency, one.limits.requestsPerMinute, one.limits.tokensPerMinute].map((limit) =>
      limit === null ? 'not limited' : limit.toLocaleString('en'),
    ),
    String(one.inFlight),
    String(one.waiting),
  ]);
  const heading = ['PROVIDER', 'CIRCUIT', 'AT ONCE', 'PER MINUTE', 'TOKENS PER MINUTE', 'GOING', 'WAITING'];
  for (const line of formatTable([heading, ...rows])) deps.print(line);
}

/** A provider's state in a few words. */
export function providerState({ circuit, coolDownUntil }: ProviderStatus): string {
  if (circuit.state === 'open') return `open since ${circuit.since}, until ${circuit.until}`;
  if (circuit.state === 'half_open') return `half open: one call is tried (since ${circuit.since})`;
  if (coolDownUntil !== null) return `closed, cooling down until ${coolDownUntil}`;
  return circuit.failures > 0 ? `closed, ${circuit.failures} failed in a row` : 'closed';
}
