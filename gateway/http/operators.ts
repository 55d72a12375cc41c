import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';
import { readsAll, type Caller } from './caller.ts';

/** `what` completes "Only an operator may …". */
export function notAnOperator({ user, byName }: Caller, what: string): PerdureError {
  const remedy = byName
    ? 'Operators are set in PERDURE_OPERATORS.'
    : 'Use a credential with the role operator, or reader to read.';
  return new PerdureError(
    'forbidden',
    `Only an operator may ${what}, and ${JSON.stringify(user)} is not one. ${remedy}`,
  );
}

/** Query parameters by which operators select data of other users. */
export const userQuery = {
  /** Another user. */
  user: z.string().min(1).max(LIMITS.userBytes.value).optional(),
  /** Every user. */
  all: z.stringbool().default(false),
};

/**
 * The selected user, null for all. Throws `forbidden` when that is not the caller, and the caller may not read data of others.
 * A caller who may is an operator where the route changes something: readers cannot use such a route.
 */
export function requestedUser(
  caller: Caller,
  { user, all }: { readonly user?: string | undefined; readonly all: boolean },
  what: string,
  act = 'see',
): string | null {
  if (all && !readsAll(caller)) throw notAnOperator(caller, `${act} the ${what} of all users`);
  if (all && user !== undefined) {
    throw new PerdureError(
      'invalid_request',
      `The request selects both all users and ${JSON.stringify(user)}. Remove one of them.`,
    );
  }
  if (all) return null;
  if (user === undefined || user === caller.user) return caller.user;
  if (!readsAll(caller)) throw notAnOperator(caller, `${act} the ${what} of others`);
  // Validates the user.
  return sessionKey(user, what).user;
}
