import { z } from 'zod';
import { daySchema } from '../../../contracts/time.ts';
import { auditActionSchema, auditPageSchema, auditVerificationSchema } from '../../../contracts/admin/audit.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { FIRST_AUDIT_HASH } from '../../../core/audit/audit-hash.ts';
import { readAudit } from '../../../store/admin/audit/read-audit.ts';
import { verifyAudit } from '../../../store/admin/audit/verify-audit.ts';
import type { GatewayDeps } from '../../answers/gateway-deps.ts';
import { readsAll } from '../../http/caller.ts';
import { notAnOperator, userQuery } from '../../http/operators.ts';
import { pageQuery, route, type Route } from '../../http/route.ts';

const auditQuery = z.object({
  user: userQuery.user,
  actor: userQuery.user,
  action: auditActionSchema.optional(),
  session: z.string().max(1_000).optional(),
  from: daySchema.optional(),
  to: daySchema.optional(),
  ...pageQuery(LIMITS.auditEntriesPerPage.value),
});

const verificationQuery = z.object({
  /** `last.seq` of the part before it. Default: the beginning. */
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  /** `last.hash` of the part before it. */
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be a hash: 64 hexadecimal digits')
    .default(FIRST_AUDIT_HASH),
});

/** The audit trail of operators. */
export function auditRoutes({ db }: GatewayDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/audit',
      access: 'read',
      summary: 'What operators read and did with your data; for operators, with the data of everybody',
      query: auditQuery,
      responses: { 200: { description: 'A page, newest first', schema: auditPageSchema } },
      async handle({ caller, query: { limit, cursor, user, ...filter } }) {
        const { actor = null, action = null, session = null, from = null, to = null } = filter;
        if (user !== undefined && user !== caller.user && !readsAll(caller)) {
          throw notAnOperator(caller, 'see the audit trail of others');
        }
        const owner = user ?? (readsAll(caller) ? null : caller.user);
        return Response.json(await readAudit(db, { user: owner, actor, action, session, from, to }, { limit, cursor }));
      },
    }),
    route({
      method: 'get',
      path: '/v1/audit/verification',
      access: 'inspect',
      reserved: 'verify the audit trail',
      summary: 'Verify a part of the audit trail: that no entry was changed or removed, except by the retention',
      query: verificationQuery,
      responses: { 200: { description: 'The result', schema: auditVerificationSchema } },
      async handle({ query: { after, hash } }) {
        return Response.json(await verifyAudit(db, { seq: after, hash }));
      },
    }),
  ];
}
