import { PerdureError } from '../../contracts/errors.ts';
import { isTroubled } from '../../contracts/provider.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import type { Finding } from './finding.ts';
import { providerState } from '../look/providers.ts';

/** Whether a provider of models is in trouble, as the gateway knows from the workers. */
export async function checkProviders({ client }: CommandDeps): Promise<Finding> {
  const check = 'Providers';
  try {
    const { data } = await client.providers();
    const troubled = data.filter(isTroubled);
    if (troubled.length === 0) return { check, state: 'ok', found: 'none is in trouble', remedy: null };
    return {
      check,
      state: 'note',
      found: troubled.map((one) => `${one.provider}: circuit ${providerState(one)}`).join('; '),
      remedy: 'Runs wait, or fail where their policy says so. `perdure providers` shows how many.',
    };
  } catch (error) {
    const found = error instanceof PerdureError ? `not known: ${error.message}` : 'not known without the gateway';
    return { check, state: 'note', found, remedy: null };
  }
}
