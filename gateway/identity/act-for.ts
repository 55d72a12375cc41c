import { PerdureError } from '../../contracts/errors.ts';
import type { Caller } from '../http/caller.ts';
import { namedUser } from './named-user.ts';

/**
 * The caller of a request, of which the header `Perdure-User` may name the user. A service must name one, and then has that user's
 * own permissions: a request without the header would mix the data of all its users. Others can name only themselves.
 */
export function actFor(request: Request, caller: Caller): Caller {
  const user = namedUser(request);
  if (caller.role === 'service') {
    if (user !== null) return { ...caller, user, role: 'user', groups: [] };
    throw new PerdureError(
      'invalid_request',
      'The credential has the role service, which acts for a user. Name the user in the header Perdure-User.',
    );
  }
  if (user === null || user === caller.user) return caller;
  throw new PerdureError(
    'forbidden',
    `The header Perdure-User names ${JSON.stringify(user)}, but the credential is that of ${JSON.stringify(caller.user)}. Remove the header, or use a credential with the role service.`,
  );
}
