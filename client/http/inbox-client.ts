import type { ApprovalRule } from '../../contracts/approvals/approval-rule.ts';
import type { ApprovalAnswer, ClientAnswer, InboxItem } from '../../contracts/session/inbox-item.ts';
import type { HttpRequest } from './http-client.ts';
import type { Page } from './page.ts';
import type { InboxQuery, ItemQuery } from './queries.ts';

/** What runs wait for: approvals, and calls of client tools. */
export interface InboxClient {
  /** Approvals and client calls of all sessions of the user, by default those that wait, the oldest first; for operators, also of others. */
  inbox(query?: InboxQuery): Promise<Page<InboxItem>>;
  /** Approvals of one session, by default those that wait. */
  approvals(id: string, query?: ItemQuery): Promise<Page<InboxItem>>;
  /** Calls of client tools of one session, by default those that wait. */
  clientCalls(id: string, query?: ItemQuery): Promise<Page<InboxItem>>;
  /** Approves or rejects a call. `owner`: the user of the session, if that is another one. */
  answerApproval(id: string, itemId: string, answer: ApprovalAnswer, owner?: string): Promise<InboxItem>;
  /** Hands in the result of a client call, or its error. `owner`: as above. */
  answerClientCall(id: string, itemId: string, answer: ClientAnswer, owner?: string): Promise<InboxItem>;
  /** What the user has chosen to approve without being asked. */
  approvalRules(): Promise<Page<ApprovalRule>>;
  /** Takes back a rule. */
  removeApprovalRule(ruleId: string): Promise<void>;
}

/** What the methods need of a gateway's client. `owned`: names the owner of the session, where an operator set one. */
export interface InboxRequests {
  readonly json: <T>(request: HttpRequest) => Promise<T>;
  readonly discard: (request: HttpRequest) => Promise<void>;
  readonly owned: (request: HttpRequest) => HttpRequest;
}

export function createInboxClient({ json, discard, owned }: InboxRequests): InboxClient {
  const answer = (path: string[], body: object, owner: string | undefined): Promise<InboxItem> => {
    const request = { method: 'POST', path, body } as const;
    return json(owner === undefined ? owned(request) : { ...request, query: { user: owner } });
  };
  return {
    inbox: (query = {}) => json({ path: ['v1', 'inbox'], query: { ...query } }),
    approvals: (id, query = {}) => json(owned({ path: session(id, 'approvals'), query: { ...query } })),
    clientCalls: (id, query = {}) => json(owned({ path: session(id, 'client-calls'), query: { ...query } })),
    answerApproval: (id, itemId, body, owner) => answer(session(id, 'approvals', itemId), body, owner),
    answerClientCall: (id, itemId, body, owner) => answer(session(id, 'client-calls', itemId), body, owner),
    approvalRules: () => json(owned({ path: ['v1', 'approval-rules'] })),
    removeApprovalRule: (ruleId) => discard(owned({ method: 'DELETE', path: ['v1', 'approval-rules', ruleId] })),
  };
}

const session = (id: string, ...rest: string[]): string[] => ['v1', 'sessions', id, ...rest];
