import { PerdureError } from '../contracts/errors.ts';

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
