import type { Role } from '../../contracts/identity/role.ts';
import type { StreamTarget } from './stream-tokens.ts';

/** Who sent a request, as its credential determines it. */
export interface Caller {
  /** The user whose data is the caller's own. For a service, the user for whom it acts, with the role `user`. */
  readonly user: string;
  readonly role: Role;
  /** Groups that the credential names, in addition to those of the deployment file. */
  readonly groups: readonly string[];
  /** Whether the user is an operator by `PERDURE_OPERATORS`; otherwise the credential has the role. */
  readonly byName: boolean;
  /** The API key; null for other credentials. */
  readonly keyId: string | null;
  /** When the credential expires, as `Date.now()`; null: never. */
  readonly expiresAtMs: number | null;
}

/** What authentication needs beside the request. */
export interface RequestOrigin {
  /** The address of the connection; undefined if it is unknown. */
  readonly address: string | undefined;
  /** The event stream that the request opens, which a stream token may authenticate. */
  readonly stream: StreamTarget | undefined;
}

/** The caller of a request. Rejects with `unauthenticated`, `forbidden`, `invalid_request`, `rate_limited` or `store_unavailable`. */
export type Authenticate = (request: Request, origin: RequestOrigin) => Promise<Caller>;

/** Whether a caller may read and change data of other users. */
export function isOperator({ role }: Caller): boolean {
  return role === 'operator';
}

/** Whether a caller may read data of other users. */
export function readsAll({ role }: Caller): boolean {
  return role === 'operator' || role === 'reader';
}
