import type { Answerer, ApprovalSettings, OnExpiry } from '../../contracts/approvals/approval-settings.ts';

/** The settings of an agent's approvals with nothing left open. */
export interface ResolvedApprovals {
  readonly expiresMs: number;
  readonly onExpiry: OnExpiry;
  /** In order. */
  readonly remindMs: readonly number[];
  readonly mayAnswer: readonly Answerer[];
  readonly fourEyes: boolean;
  readonly threshold: number;
}

const DAY_MS = 24 * 3_600_000;

export function resolveApprovals(settings: ApprovalSettings = {}): ResolvedApprovals {
  const { expiresMs = 7 * DAY_MS, onExpiry = 'reject', remindMs = [], fourEyes = false, threshold = 0.9 } = settings;
  const { mayAnswer = ['user', 'operators'] } = settings;
  const reminders = typeof remindMs === 'number' ? [remindMs] : remindMs;
  return {
    expiresMs,
    onExpiry,
    remindMs: [...new Set(reminders)].toSorted((a, b) => a - b),
    mayAnswer: Array.isArray(mayAnswer) ? mayAnswer : [mayAnswer],
    fourEyes,
    threshold,
  };
}
