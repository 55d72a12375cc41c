import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';

/** Whether a user may read and change data of other users. */
export type IsOperator = (user: string) => boolean;

/** `operators`: `PERDURE_OPERATORS`, user names separated by commas. Without authentication every user is an operator, since users are not verified. */
export function operatorsFrom(operators: string | undefined, authenticated: boolean): IsOperator {
  const named = new Set((operators ?? '').split(',').map((user) => user.trim()));
  return (user) => !authenticated || (user !== '' && named.has(user));
}

/** Throws `forbidden` unless the user is an operator. `what` completes "Only an operator may …". */
export function requireOperator(isOperator: IsOperator, user: string, what: string): void {
  if (isOperator(user)) return;
  throw new PerdureError(
    'forbidden',
    `Only an operator may ${what}, and ${JSON.stringify(user)} is not one. Operators are set in PERDURE_OPERATORS.`,
  );
}

/** Query parameters by which operators select data of other users. */
export const userQuery = {
  /** Another user. */
  user: z.string().min(1).max(LIMITS.userBytes.value).optional(),
  /** Every user. */
  all: z.stringbool().default(false),
};

/** The selected user, null for all. Throws `forbidden` when that is not the caller and the caller is no operator. */
export function requestedUser(
  isOperator: IsOperator,
  caller: string,
  { user, all }: { readonly user?: string | undefined; readonly all: boolean },
  what: string,
  act = 'see',
): string | null {
  if (all) requireOperator(isOperator, caller, `${act} the ${what} of all users`);
  if (all && user !== undefined) {
    throw new PerdureError(
      'invalid_request',
      `The request selects both all users and ${JSON.stringify(user)}. Remove one of them.`,
    );
  }
  if (all) return null;
  if (user === undefined || user === caller) return caller;
  requireOperator(isOperator, caller, `${act} the ${what} of others`);
  // Validates the user.
  return sessionKey(user, what).user;
}
