import { z } from 'zod';
import { budgetReportSchema, userLimitsSchema } from '../../contracts/budget.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { usageBySchema, usageReportSchema } from '../../contracts/usage.ts';
import { resolveBudgets } from '../../core/budget.ts';
import { dayOf, firstOfMonth } from '../../core/utc-period.ts';
import { readUsageOfAll } from '../../store/admin/read-usage-of-all.ts';
import { readBudget } from '../../store/read-budget.ts';
import { readUsage } from '../../store/read-usage.ts';
import { saveUserLimits } from '../../store/user-budgets.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { needOperator } from '../operators.ts';
import { route, type Route } from '../route.ts';

const userSchema = z.string().min(1).max(400);

const usageQuery = z.object({
  by: usageBySchema.default('day'),
  from: z.iso.date().optional(),
  to: z.iso.date().optional(),
  /** Of operators: another user. */
  user: userSchema.optional(),
  /** Of operators: every user. */
  all: z.stringbool().default(false),
});

/** What model calls cost, and what users may spend. */
export function costRoutes({ db, deployment, isOperator }: GatewayParts): Route[] {
  const budgets = resolveBudgets(deployment.budgets);
  const budgetOf = async (user: string) => Response.json(await readBudget(db, user, budgets, today()));
  /** Others are an operator's business. */
  const whose = (caller: string, user: string | undefined, what: string): string => {
    if (user === undefined || user === caller) return caller;
    needOperator(isOperator, caller, what);
    return user;
  };
  return [
    route({
      method: 'get',
      path: '/v1/usage',
      summary: 'What model calls used: yours, or for operators those of another user or of all',
      query: usageQuery,
      answers: { 200: { description: 'The report', schema: usageReportSchema } },
      async handle({ user: caller, query }) {
        const { by, user, all } = query;
        const to = query.to ?? today();
        const from = query.from ?? firstOfMonth(to);
        checkSpan(from, to);
        if (by !== 'user' && !all) {
          return Response.json(await readUsage(db, whose(caller, user, 'see the usage of others'), { by, from, to }));
        }
        needOperator(isOperator, caller, 'see the usage of all users');
        if (by !== 'session') return Response.json(await readUsageOfAll(db, { by, from, to }));
        throw new PerdureError(
          'invalid_request',
          'The sessions of all users are too many: give a user, or another by.',
        );
      },
    }),
    route({
      method: 'get',
      path: '/v1/budget',
      summary: 'Your limits and what has gone of them; for operators, those of another user',
      query: z.object({ user: userSchema.optional() }),
      answers: { 200: { description: 'The budget', schema: budgetReportSchema } },
      handle: async ({ user, query }) => budgetOf(whose(user, query.user, 'see the budget of others')),
    }),
    route({
      method: 'put',
      path: '/v1/budget',
      summary: 'Set a user’s own limits, for operators; null is no limit, what is absent is the deployment’s',
      body: userLimitsSchema.extend({ user: userSchema.optional() }),
      answers: { 200: { description: 'The budget', schema: budgetReportSchema } },
      async handle({ user: caller, body }) {
        const { user = caller, ...limits } = body;
        needOperator(isOperator, caller, 'set a budget');
        await saveUserLimits(db, user, limits);
        return budgetOf(user);
      },
    }),
  ];
}

function today(): string {
  return dayOf(new Date().toISOString());
}

function checkSpan(from: string, to: string): void {
  if (from <= to) return;
  throw new PerdureError('invalid_request', `The report would begin on ${from}, after it ends on ${to}. Swap them.`);
}
