import { v7 as uuidv7 } from 'uuid';
import { callHash } from '../../contracts/session/call-hash.ts';
import type { InboxKind } from '../../contracts/session/inbox-item.ts';
import { nextReminderMs } from '../../core/tools/next-reminder.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import type { InboxRow, InboxRules, ToolCallRow } from '../log/rows.ts';

/** What a tool call waits for. */
export interface WaitingCall {
  readonly kind: InboxKind;
  readonly expiresMs: number;
  readonly rules: InboxRules;
}

/** Requests an answer for a tool call: returns the inbox item, and adds its event. */
export function requestItem(
  { at }: LockedSession,
  pending: PendingEvents,
  agent: string,
  call: Pick<ToolCallRow, 'run_id' | 'call_id' | 'step' | 'tool' | 'arguments'>,
  { kind, expiresMs, rules }: WaitingCall,
): InboxRow {
  const { run_id: runId, call_id: callId, step, tool, arguments: args } = call;
  // In the order of the calls: those of one step have the same time.
  const itemId = `inb_${uuidv7().replaceAll('-', '')}`;
  const hash = callHash({ run: runId, call: callId, tool, arguments: args });
  const requestedAtMs = Date.parse(at);
  const expiresAtMs = requestedAtMs + expiresMs;
  const remindAtMs = nextReminderMs({ requestedAtMs, expiresAtMs }, rules.remindMs, 0);
  const expiresAt = new Date(expiresAtMs).toISOString();
  const type = kind === 'approval' ? 'approval.requested' : 'client_call.requested';
  pending.add(
    { type, itemId, runId, step, callId, tool, arguments: args, hash, expiresAt },
    `item:${itemId}:requested`,
  );
  return {
    item_id: itemId,
    run_id: runId,
    call_id: callId,
    step,
    tool,
    agent,
    kind,
    hash,
    status: 'pending',
    arguments: args,
    rules,
    requested_at: at,
    expires_at: expiresAt,
    remind_at: remindAtMs === null ? null : new Date(remindAtMs).toISOString(),
    reminders: 0,
    answered_at: null,
    answered_by: null,
    decision: null,
    reason: null,
    edited: null,
  };
}
