import { randomBytes } from 'node:crypto';
import type { RuleScope } from '../../contracts/approvals/approval-decision.ts';
import type { ApprovalRule } from '../../contracts/approvals/approval-rule.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db, Tx } from '../db/db.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { InboxRow } from '../log/rows.ts';

/** Remembers an approval for later calls of its tool. The caller holds the session's lock. */
export async function rememberApproval(
  tx: Tx,
  { key, at }: LockedSession,
  { agent, tool, rules }: InboxRow,
  scope: RuleScope,
  by: string,
): Promise<void> {
  const [row] = await tx.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM perdure.approval_rules WHERE user_id = $1`,
    [key.user],
  );
  const most = LIMITS.approvalRulesPerUser.value;
  if ((row?.count ?? 0) >= most) {
    throw new PerdureError(
      'invalid_request',
      `The user has ${row?.count} remembered approvals; the limit is ${most}. Delete some, or answer without "remember".`,
    );
  }
  await tx.query(
    `INSERT INTO perdure.approval_rules (user_id, session_id, rule_id, agent, tool, created_by, created_at, definition)
     VALUES ($1, $2, $3, $4, $5, $6, $7::timestamptz, $8)
         ON CONFLICT (user_id, session_id, agent, tool) DO UPDATE
        SET definition = EXCLUDED.definition, created_by = EXCLUDED.created_by, created_at = EXCLUDED.created_at
      WHERE perdure.approval_rules.definition IS DISTINCT FROM EXCLUDED.definition`,
    [
      key.user,
      scope === 'session' ? key.session : '',
      `apr_${randomBytes(18).toString('base64url')}`,
      agent,
      tool,
      by,
      at,
      rules.definition ?? null,
    ],
  );
}

/**
 * The tools whose calls by the agent are approved by a rule of the session or of its user, of those given. `definitions`: the
 * hashes of those that have one. A rule is of one definition: an approval of another one does not count.
 */
export async function readRememberedTools(
  db: Db,
  { user, session }: SessionKey,
  agent: string,
  tools: readonly string[],
  definitions: Readonly<Record<string, string>> = {},
): Promise<ReadonlySet<string>> {
  if (tools.length === 0) return new Set();
  const rows = await db.query<{ tool: string; definition: string | null }>(
    `SELECT tool, definition FROM perdure.approval_rules
      WHERE user_id = $1 AND session_id IN ('', $2) AND agent = $3
        AND tool IN (SELECT json_array_elements_text($4::json))`,
    [user, session, agent, JSON.stringify(tools)],
  );
  return new Set(rows.flatMap(({ tool, definition }) => (definition === (definitions[tool] ?? null) ? [tool] : [])));
}

/** The rules of a user, the newest first. */
export async function listApprovalRules(db: Db, user: string): Promise<ApprovalRule[]> {
  const rows = await db.query<{
    rule_id: string;
    session_id: string;
    agent: string;
    tool: string;
    created_by: string;
    created_at: string;
  }>(
    `SELECT rule_id, session_id, agent, tool, created_by, created_at FROM perdure.approval_rules
      WHERE user_id = $1 ORDER BY created_at DESC, rule_id LIMIT ${LIMITS.approvalRulesPerUser.value}`,
    [user],
  );
  return rows.map(({ rule_id: id, session_id, agent, tool, created_by: createdBy, created_at }) => ({
    id,
    scope: session_id === '' ? 'user' : 'session',
    sessionId: session_id === '' ? null : session_id,
    agent,
    tool,
    createdBy,
    createdAt: new Date(created_at).toISOString(),
  }));
}

/** Takes back what was remembered. Returns whether there was such a rule. */
export async function deleteApprovalRule(db: Db, user: string, ruleId: string): Promise<boolean> {
  const deleted = await db.query(`DELETE FROM perdure.approval_rules WHERE user_id = $1 AND rule_id = $2 RETURNING 1`, [
    user,
    ruleId,
  ]);
  return deleted.length > 0;
}
