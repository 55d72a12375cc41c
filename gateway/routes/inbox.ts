import { z } from 'zod';
import { schemaViolations as violationsOf } from '../../admission/schema-violations.ts';
import { LIMITS } from '../../contracts/limits.ts';
import {
  approvalAnswerSchema,
  clientAnswerSchema,
  inboxItemSchema,
  inboxKindSchema,
  inboxStatusSchema,
  type InboxKind,
} from '../../contracts/session/inbox-item.ts';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../../store/db/db.ts';
import {
  answerApproval,
  answerClientCall,
  type AnsweredItem,
  type AnswerRequest,
} from '../../store/inbox/answer-item.ts';
import { listItems } from '../../store/inbox/list-items.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { requireAnswerable } from '../answers/require-answerable.ts';
import { requireReadableSession } from '../answers/require-session.ts';
import { selectUser } from '../answers/select-user.ts';
import { userQuery } from '../http/operators.ts';
import { pageOf, pageQuery, route, type ResponseSpec, type Route } from '../http/route.ts';

const itemsQuery = z.object({
  /** Default: those that wait for an answer. */
  status: z.enum([...inboxStatusSchema.options, 'all']).default('pending'),
  ...pageQuery(LIMITS.inboxPage.value),
});

const inboxQuery = itemsQuery.extend({
  kind: inboxKindSchema.optional(),
  session: z.string().min(1).max(LIMITS.sessionIdBytes.value).optional(),
  /** The id of one item, or its beginning or end. */
  item: z.string().min(6).max(100).optional(),
  ...userQuery,
});

/** Whoever answers in a session of another user names that user. */
const answerQuery = z.object({ user: userQuery.user });

const PAGE = { 200: { description: 'A page', schema: pageOf(inboxItemSchema) } };

const ANSWERED: Readonly<Record<number, ResponseSpec>> = {
  200: { description: 'The item, answered', schema: inboxItemSchema },
};

/** What runs wait for: approvals, and calls of client tools. */
export function inboxRoutes(deps: GatewayDeps): Route[] {
  const { db } = deps;
  return [
    route({
      method: 'get',
      path: '/v1/inbox',
      access: 'read',
      summary:
        'List the approvals and client calls of your sessions and groups, by default those that wait, the oldest first; for operators, also those of another user or of all',
      query: inboxQuery,
      responses: PAGE,
      async handle({ caller, query: { user, all, status, ...filter } }) {
        const owner = await selectUser(deps, caller, { user, all }, { action: 'inbox.list', what: 'inbox' });
        const { items, nextCursor } = await listItems(db, {
          ...filter,
          user: owner,
          status: status === 'all' ? null : status,
          groups: owner === caller.user ? deps.answeringUser(caller).groups : [],
        });
        return Response.json({ data: items, nextCursor });
      },
    }),
    listRoute(deps, 'approvals', 'approval', 'List the approvals of a session, by default those that wait'),
    listRoute(deps, 'client-calls', 'client', 'List the client calls of a session, by default those that wait'),
    answerRoute(deps, {
      path: 'approvals',
      summary: 'Approve a tool call, as it is or with other arguments, or reject it; the first answer counts',
      body: approvalAnswerSchema,
      action: 'approval.answer',
      answer: answerApproval,
    }),
    answerRoute(deps, {
      path: 'client-calls',
      summary: 'Hand in the result of a client call, or its error; the first answer counts',
      body: clientAnswerSchema,
      action: 'client_call.answer',
      answer: answerClientCall,
    }),
  ];
}

function listRoute({ db }: GatewayDeps, path: string, kind: InboxKind, summary: string): Route {
  return route({
    method: 'get',
    path: `/v1/sessions/{id}/${path}`,
    access: 'read',
    operators: { action: 'inbox.list', what: 'inbox' },
    summary,
    query: itemsQuery,
    responses: PAGE,
    async handle({ user, param, query: { status, ...page } }) {
      const key = await requireReadableSession(db, user, param('id'));
      const filter = { ...page, kind, status: status === 'all' ? null : status };
      const { items, nextCursor } = await listItems(db, { ...filter, user: key.user, session: key.session });
      return Response.json({ data: items, nextCursor });
    },
  });
}

interface AnswerRoute<Answer> {
  readonly path: string;
  readonly summary: string;
  readonly body: z.ZodType<Answer>;
  readonly action: 'approval.answer' | 'client_call.answer';
  readonly answer: (db: Db, key: SessionKey, request: AnswerRequest<Answer>) => Promise<AnsweredItem>;
}

function answerRoute<Answer>(
  deps: GatewayDeps,
  { path, summary, body, action, answer: commit }: AnswerRoute<Answer>,
): Route {
  return route({
    method: 'post',
    path: `/v1/sessions/{id}/${path}/{item}`,
    access: 'write',
    summary,
    query: answerQuery,
    body,
    bodyBytes: LIMITS.patchRequestBytes.value,
    responses: ANSWERED,
    async handle({ caller, param, query: { user = caller.user }, body: answer }) {
      const key = sessionKey(user, param('id'));
      const itemId = param('item');
      await requireAnswerable(deps, caller, key, { itemId, action });
      const item = await deps.commitAnswer(caller, key, (by) =>
        commit(deps.db, key, { itemId, answer, by, violationsOf }),
      );
      return Response.json(item);
    },
  });
}
