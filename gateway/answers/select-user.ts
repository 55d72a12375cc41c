import type { AuditAction } from '../../contracts/admin/audit.ts';
import { appendAudit } from '../../store/admin/audit/append-audit.ts';
import type { Caller } from '../http/caller.ts';
import { requestedUser } from '../http/operators.ts';
import type { GatewayDeps } from './gateway-deps.ts';

/** What an operator does with the data of others. `what` and `act` complete "Only an operator may ACT the WHAT of others". */
export interface OperatorAct {
  readonly action: AuditAction;
  readonly what: string;
  /** Default `see`. */
  readonly act?: string;
  readonly sessionId?: string | undefined;
  readonly runId?: string | undefined;
}

type AuditDeps = Pick<GatewayDeps, 'db'>;

/**
 * The user whose data a request concerns, null for all. Adds an entry to the audit trail unless that is the caller.
 * Throws `forbidden` when it is not, and the caller is no operator.
 */
export async function selectUser(
  { db }: AuditDeps,
  caller: Caller,
  scope: { readonly user?: string | undefined; readonly all?: boolean },
  { action, what, act, sessionId, runId }: OperatorAct,
): Promise<string | null> {
  const user = requestedUser(caller, { user: scope.user, all: scope.all ?? false }, what, act);
  if (user !== caller.user) {
    await appendAudit(db, { actor: caller.user, action, user, sessionId: sessionId ?? null, runId: runId ?? null });
  }
  return user;
}

/** As {@link selectUser}, for requests that concern one user. */
export async function selectOneUser(
  deps: AuditDeps,
  caller: Caller,
  user: string | undefined,
  act: OperatorAct,
): Promise<string> {
  return (await selectUser(deps, caller, { user }, act)) ?? caller.user;
}
