import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import type { SessionFacts } from '../activities/shared/contract.ts';
import { SEARCH_ATTRIBUTE } from '../contracts/names.ts';

const KEYS = {
  user: defineSearchAttributeKey(SEARCH_ATTRIBUTE.user, SearchAttributeType.KEYWORD),
  agent: defineSearchAttributeKey(SEARCH_ATTRIBUTE.agent, SearchAttributeType.KEYWORD),
  status: defineSearchAttributeKey(SEARCH_ATTRIBUTE.status, SearchAttributeType.KEYWORD),
};

/** Lets the session be found in the Temporal UI. Costs an event of history: only for what has changed. */
export function showSearchAttributes(user: string, { agent, status }: SessionFacts): void {
  upsertSearchAttributes([
    { key: KEYS.user, value: user },
    { key: KEYS.agent, value: agent },
    { key: KEYS.status, value: status },
  ]);
}
