import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { SessionInfo } from '../activities/shared/contract.ts';
import { SEARCH_ATTRIBUTE } from '../contracts/names.ts';

const KEYS = {
  user: defineSearchAttributeKey(SEARCH_ATTRIBUTE.user, SearchAttributeType.KEYWORD),
  agent: defineSearchAttributeKey(SEARCH_ATTRIBUTE.agent, SearchAttributeType.KEYWORD),
  status: defineSearchAttributeKey(SEARCH_ATTRIBUTE.status, SearchAttributeType.KEYWORD),
};

/** Sets the attributes by which the Temporal UI finds the session. Adds an event to the history: call it on a change only. */
export function upsertSessionAttributes(user: string, { agent, status }: SessionInfo): void {
  upsertSearchAttributes([
    { key: KEYS.user, value: user },
    { key: KEYS.agent, value: agent },
    { key: KEYS.status, value: status },
  ]);
}
