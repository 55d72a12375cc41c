import type { AuditAction } from '../../contracts/admin/audit.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { mayAnswer } from '../../core/tools/may-answer.ts';
import { appendAudit } from '../../store/admin/audit/append-audit.ts';
import { loadItem } from '../../store/items/load-items.ts';
import { isOperator, type Caller } from '../http/caller.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { noSuchItem } from './item-answers.ts';
import { requireReadableSession } from './require-session.ts';

/**
 * Checks that the caller may see an item that they answer: its session is theirs, they are an operator, or the item's settings let them
 * answer it. Adds an entry to the audit trail unless the session is theirs. Throws `not_found`, and `session_archived` for a session
 * whose content is in an archive.
 */
export async function requireAnswerable(
  { db, answeringUser }: GatewayDeps,
  caller: Caller,
  key: SessionKey,
  { itemId, action }: { readonly itemId: string; readonly action: AuditAction },
): Promise<void> {
  const isOwner = caller.user === key.user;
  if (isOwner || isOperator(caller)) await requireReadableSession(db, key.user, key.session);
  if (isOwner) return;
  const item = await loadItem(db, key, itemId).catch(nullIfNotFound);
  const isVisible = isOperator(caller) || (item !== null && mayAnswer(item.rules, answeringUser(caller), key.user));
  if (item === null || !isVisible) throw noSuchItem(key, itemId);
  await appendAudit(db, { actor: caller.user, action, user: key.user, sessionId: key.session, runId: item.run_id });
}

function nullIfNotFound(error: unknown): null {
  if (error instanceof PerdureError && error.code === 'not_found') return null;
  throw error;
}
