import { PerdureError } from '../../contracts/errors.ts';
import { isUnhealthy } from '../../contracts/provider.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import type { Finding } from './finding.ts';
import { providerState } from '../look/providers.ts';

/** Checks that the gateway reports no unhealthy provider. */
export async function checkProviders({ client }: CommandDeps): Promise<Finding> {
  const check = 'Providers';
  try {
    const { data } = await client.providers();
    const unhealthy = data.filter(isUnhealthy);
    if (unhealthy.length === 0) return { check, state: 'ok', found: 'all healthy', remedy: null };
    return {
      check,
      state: 'note',
      found: unhealthy.map((one) => `${one.provider}: circuit ${providerState(one)}`).join('; '),
      remedy: 'Runs wait or fail, depending on their policy. See `perdure providers`.',
    };
  } catch (error) {
    const found = error instanceof PerdureError ? `unknown: ${error.message}` : 'unknown without the gateway';
    return { check, state: 'note', found, remedy: null };
  }
}
