import type { JwtSettings } from '../../contracts/identity/auth-settings.ts';
import type { Role } from '../../contracts/identity/role.ts';

/** Claims of a verified token. */
export type Claims = Readonly<Record<string, unknown>>;

/** In the order in which they count. */
const ROLES = ['operator', 'service', 'reader', 'user'] as const;

/** A claim by its name, else by a path of names with dots; undefined if there is none. */
export function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, part)) {
      return undefined;
    }
    value = (value as Claims)[part];
  }
  return value;
}

/** The texts of a claim that is a list, or a text with values separated by spaces, as `scope` is. */
export function valuesOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ').filter((value) => value !== '');
  return Array.isArray(claim) ? claim.filter((value) => typeof value === 'string') : [];
}

/** The role that claims give; null if the token may not be used. */
export function roleOf(claims: Claims, roles: JwtSettings['roles']): Role | null {
  if (roles === undefined) return 'user';
  const given = new Set(valuesOf(claimOf(claims, roles.claim)));
  const found = ROLES.find((role) => roles[role]?.some((value) => given.has(value)) === true);
  return found ?? (roles.user === undefined ? 'user' : null);
}
