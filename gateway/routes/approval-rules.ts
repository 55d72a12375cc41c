import { approvalRuleSchema } from '../../contracts/approvals/approval-rule.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { deleteApprovalRule, listApprovalRules } from '../../store/inbox/approval-rules.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { pageOf, route, type Route } from '../http/route.ts';

/** Approvals that are remembered. */
export function approvalRuleRoutes({ db }: GatewayDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/approval-rules',
      access: 'read',
      summary: 'List the approvals that are remembered for you, newest first',
      operators: { action: 'approval_rules.read', what: 'approval rules' },
      responses: { 200: { description: 'All of them', schema: pageOf(approvalRuleSchema) } },
      handle: async ({ user }) => Response.json({ data: await listApprovalRules(db, user), nextCursor: null }),
    }),
    route({
      method: 'delete',
      path: '/v1/approval-rules/{rule}',
      access: 'write',
      summary: 'Take back a remembered approval: later calls are asked for again',
      operators: { action: 'approval_rules.remove', what: 'approval rules', act: 'remove' },
      responses: { 204: { description: 'It was removed' } },
      async handle({ user, param }) {
        if (await deleteApprovalRule(db, user, param('rule'))) return new Response(null, { status: 204 });
        throw new PerdureError(
          'not_found',
          `There is no approval rule ${JSON.stringify(param('rule').slice(0, 80))}. \`perdure rules\` and GET /v1/approval-rules list them.`,
        );
      },
    }),
  ];
}
