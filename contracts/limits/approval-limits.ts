import type { Limit } from './limit.ts';

/** Approvals and client tools. */
export const APPROVAL_LIMITS = {
  approvalWaitMs: {
    value: 365 * 24 * 3_600_000,
    unit: 'ms',
    error: 'invalid_request',
    what: 'how long a tool call can wait for an approval or for a client',
  },
  approvalReminders: {
    value: 20,
    unit: 'items',
    error: 'invalid_request',
    what: 'reminders of a tool call that waits',
  },
  approvalReasonCharacters: {
    value: 2_000,
    unit: 'characters',
    error: 'invalid_request',
    what: 'the reason of a decision on an approval',
  },
  approvalPredicateMs: {
    value: 5_000,
    unit: 'ms',
    error: null,
    what: 'how long the predicate of an approval may take; then a person is asked',
  },
  approvalEvaluatorMs: {
    value: 30_000,
    unit: 'ms',
    error: null,
    what: 'how long the evaluator of an approval may take; then a person is asked',
  },
  approvalCriteriaCharacters: {
    value: 8_000,
    unit: 'characters',
    error: 'invalid_request',
    what: 'the criteria of a model that decides about approvals',
  },
  approvalEvaluationCharacters: {
    value: 16_000,
    unit: 'characters',
    error: null,
    what: 'what a model that decides about an approval is given of the call, as JSON; of a call with more, a person is asked',
  },
  inboxPage: { value: 200, unit: 'items', error: 'invalid_request', what: 'inbox items in one page' },
  approvalRulesPerUser: {
    value: 1_000,
    unit: 'items',
    error: 'invalid_request',
    what: 'remembered approvals of a user',
  },
  rememberedSessions: {
    value: 100,
    unit: 'items',
    error: null,
    what: 'other sessions of the user whose waiting calls an approval with `remember: user` approves; calls in further ones stay in the inbox',
  },
  groupUsers: { value: 10_000, unit: 'items', error: null, what: 'users in a group of the deployment file' },
} as const satisfies Record<string, Limit>;
