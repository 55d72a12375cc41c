import type { InboxItem } from '../../contracts/session/inbox-item.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { InboxRow } from '../log/rows.ts';

/** Converts a row of `inbox`. */
export function inboxItemOf(row: InboxRow, { user, session }: SessionKey): InboxItem {
  const { rules, edited } = row;
  return {
    id: row.item_id,
    kind: row.kind,
    status: row.status,
    user,
    sessionId: session,
    agent: row.agent,
    runId: row.run_id,
    step: row.step,
    callId: row.call_id,
    tool: row.tool,
    arguments: row.arguments,
    hash: row.hash,
    requestedAt: iso(row.requested_at),
    expiresAt: iso(row.expires_at),
    remindAt: row.remind_at === null ? null : iso(row.remind_at),
    reminders: row.reminders,
    onExpiry: row.kind === 'approval' ? rules.onExpiry : null,
    fourEyes: rules.fourEyes,
    schema: rules.schema,
    answeredAt: row.answered_at === null ? null : iso(row.answered_at),
    answeredBy: row.answered_by,
    decision: row.decision,
    reason: row.reason,
    ...(edited ? { editedArguments: edited.arguments } : {}),
  };
}

function iso(time: string): string {
  return new Date(time).toISOString();
}
