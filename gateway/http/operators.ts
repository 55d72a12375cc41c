import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';

/** Whether a user may see and set what concerns others. */
export type IsOperator = (user: string) => boolean;

/** `PERDURE_OPERATORS`: users, separated by commas. Without authentication anyone may say to be anyone, and everyone is one. */
export function operatorsFrom(operators: string | undefined, authenticated: boolean): IsOperator {
  const named = new Set((operators ?? '').split(',').map((user) => user.trim()));
  return (user) => !authenticated || (user !== '' && named.has(user));
}

/** Throws `forbidden` for a user who is no operator. `what` completes "Only an operator may …". */
export function needOperator(isOperator: IsOperator, user: string, what: string): void {
  if (isOperator(user)) return;
  throw new PerdureError(
    'forbidden',
    `Only an operator may ${what}, and ${JSON.stringify(user)} is none. PERDURE_OPERATORS names them.`,
  );
}

/** How operators ask for what is not theirs. */
export const whoseQuery = {
  /** Another user. */
  user: z.string().min(1).max(LIMITS.userBytes.value).optional(),
  /** Every user. */
  all: z.stringbool().default(false),
};

/** The user that is asked about, null for all of them. Throws `forbidden` where that is not the caller, who is no operator. */
export function whoseOf(
  isOperator: IsOperator,
  caller: string,
  { user, all }: { readonly user?: string | undefined; readonly all: boolean },
  what: string,
  act = 'see',
): string | null {
  if (all) needOperator(isOperator, caller, `${act} the ${what} of all users`);
  if (all && user !== undefined) {
    throw new PerdureError(
      'invalid_request',
      `Both all users and ${JSON.stringify(user)} are asked for. Leave one out.`,
    );
  }
  if (all) return null;
  if (user === undefined || user === caller) return caller;
  needOperator(isOperator, caller, `${act} the ${what} of others`);
  // Checked as every user is.
  return sessionKey(user, what).user;
}
