import { PerdureError } from '../../contracts/errors.ts';
import type { Role } from '../../contracts/identity/role.ts';
import { notAnOperator } from './operators.ts';
import type { Caller } from './caller.ts';

/**
 * Who may use a route. `open`: everybody, without a credential. `read`: every caller, for their own data; those who read all
 * data, for that of others. `write`: the same, but not readers. `inspect`: only those who read all data. `operate`: only operators.
 */
export type Access = 'open' | 'read' | 'write' | 'inspect' | 'operate';

/** A service acts for users, with their role; it has no data of its own. */
const ROLES: Readonly<Record<Exclude<Access, 'open'>, readonly Role[]>> = {
  read: ['user', 'operator', 'reader'],
  write: ['user', 'operator'],
  inspect: ['operator', 'reader'],
  operate: ['operator'],
};

/** Throws `forbidden` unless the caller's role may use a route with this access. `what` completes "Only an operator may …". */
export function requireAccess(access: Exclude<Access, 'open'>, caller: Caller, what: string): void {
  if (ROLES[access].includes(caller.role)) return;
  if (caller.role === 'reader' && access === 'write') {
    throw new PerdureError(
      'forbidden',
      'The credential has the role reader, which changes nothing. Use one with the role user or operator.',
    );
  }
  throw notAnOperator(caller, what);
}
