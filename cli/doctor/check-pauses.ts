import { PerdureError } from '../../contracts/errors.ts';
import { pauseLine } from '../fleet/pauses.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import type { Finding } from './finding.ts';

/** Checks that no operator has paused anything. Only operators see what is paused. */
export async function checkPauses({ client }: CommandDeps): Promise<Finding> {
  const check = 'Pauses';
  try {
    const { data } = await client.pauses();
    if (data.length === 0) return { check, state: 'ok', found: 'nothing is paused', remedy: null };
    const found = data.map(pauseLine).join(' ');
    return { check, state: 'note', found, remedy: '`perdure unpause` removes a pause. See docs/fleet.md.' };
  } catch (error) {
    if (error instanceof PerdureError && error.code !== 'forbidden')
      return { check, state: 'note', found: error.message, remedy: null };
    const found = error instanceof PerdureError ? 'shown to operators only' : 'unknown without a gateway';
    return { check, state: 'note', found, remedy: null };
  }
}
