import { z } from 'zod';
import { daySchema } from '../../contracts/time.ts';
import { budgetReportSchema, userLimitsSchema } from '../../contracts/budget.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { usageBySchema, usageReportSchema } from '../../contracts/usage.ts';
import { resolveBudgets } from '../../core/money/budget.ts';
import { dayOf, firstOfMonth } from '../../core/money/utc-period.ts';
import { readUsageOfAll } from '../../store/admin/reports/read-usage-of-all.ts';
import { readBudget } from '../../store/budgets/read-budget.ts';
import { readUsage } from '../../store/read/statistics/read-usage.ts';
import { saveUserLimits } from '../../store/budgets/user-budgets.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { selectOneUser, selectUser } from '../answers/select-user.ts';
import { userQuery } from '../http/operators.ts';
import { route, type Route } from '../http/route.ts';

const usageQuery = z.object({
  by: usageBySchema.default('day'),
  from: daySchema.optional(),
  to: daySchema.optional(),
  ...userQuery,
});

/** Usage, cost and budgets. */
export function costRoutes(deps: GatewayDeps): Route[] {
  const { db, deployment } = deps;
  const budgets = resolveBudgets(deployment.budgets);
  const budgetOf = async (user: string) => Response.json(await readBudget(db, user, budgets, today()));
  return [
    route({
      method: 'get',
      path: '/v1/usage',
      access: 'read',
      summary: 'Usage and cost of your model calls; for operators, also of another user or of all',
      query: usageQuery,
      responses: { 200: { description: 'The report', schema: usageReportSchema } },
      async handle({ caller, query }) {
        const { by, user, all } = query;
        const to = query.to ?? today();
        const from = query.from ?? firstOfMonth(to);
        checkSpan(from, to);
        const owner = await selectUser(
          deps,
          caller,
          { user, all: all || by === 'user' },
          { action: 'usage.read', what: 'usage' },
        );
        if (by !== 'user' && owner !== null) return Response.json(await readUsage(db, owner, { by, from, to }));
        if (by !== 'session') return Response.json(await readUsageOfAll(db, { by, from, to }));
        throw new PerdureError('invalid_request', 'Usage by session needs a user: set `user`, or another `by`.');
      },
    }),
    route({
      method: 'get',
      path: '/v1/budget',
      access: 'read',
      summary: 'Your limits and their usage; for operators, also those of another user',
      query: z.object({ user: userQuery.user }),
      responses: { 200: { description: 'The budget', schema: budgetReportSchema } },
      async handle({ caller, query: { user = caller.user } }) {
        return budgetOf(await selectOneUser(deps, caller, user, { action: 'budget.read', what: 'budget' }));
      },
    }),
    route({
      method: 'put',
      path: '/v1/budget',
      access: 'operate',
      reserved: 'set a budget',
      summary: 'For operators: set the limits of a user; null removes a limit, an absent field uses the deployment’s',
      body: userLimitsSchema.extend({ user: userQuery.user }),
      responses: { 200: { description: 'The budget', schema: budgetReportSchema } },
      async handle({ caller, body }) {
        const { user = caller.user, ...limits } = body;
        const owner = await selectOneUser(deps, caller, user, { action: 'budget.set', what: 'budget', act: 'set' });
        await saveUserLimits(db, owner, limits);
        return budgetOf(owner);
      },
    }),
  ];
}

function today(): string {
  return dayOf(new Date().toISOString());
}

function checkSpan(from: string, to: string): void {
  if (from <= to) return;
  throw new PerdureError(
    'invalid_request',
    `The report would start on ${from}, after its end on ${to}. Swap the dates.`,
  );
}
