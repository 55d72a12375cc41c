import { z } from 'zod';
import {
  batchItemPageSchema,
  batchOutcomeSchema,
  batchPageSchema,
  batchPreviewSchema,
  batchRequestSchema,
  batchSchema,
  type Batch,
  type BatchRequest,
} from '../../../contracts/admin/batch.ts';
import type { AuditAction } from '../../../contracts/admin/audit.ts';
import { PerdureError } from '../../../contracts/errors.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { sessionKey } from '../../../contracts/session/session-key.ts';
import { appendAudit } from '../../../store/admin/audit/append-audit.ts';
import { listBatchItems } from '../../../store/admin/batches/batch-items.ts';
import { beginBatch, cancelBatch, listBatches, readBatch } from '../../../store/admin/batches/batches.ts';
import { previewBatch } from '../../../store/admin/batches/find-targets.ts';
import type { GatewayDeps } from '../../answers/gateway-deps.ts';
import type { Caller } from '../../http/caller.ts';
import { pageQuery, route, type Route } from '../../http/route.ts';

const listQuery = z.object(pageQuery(LIMITS.batchesPerPage.value));
const itemsQuery = z.object({
  outcome: batchOutcomeSchema.optional(),
  ...pageQuery(LIMITS.batchItemsPerPage.value, 200),
});

/** For operators: one action on many runs or sessions, as a durable job. */
export function batchRoutes(deps: GatewayDeps): Route[] {
  const { db, sender } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/batches',
      access: 'operate',
      reserved: 'start batches',
      summary:
        'For operators: cancel or resume the runs, or end or archive the sessions, that match a filter, in the background; with dryRun, count them',
      body: batchRequestSchema,
      responses: {
        200: { description: 'What would be changed, with dryRun', schema: batchPreviewSchema },
        202: { description: 'The batch has begun, or is known already', schema: batchSchema },
      },
      async handle({ caller, body }) {
        requireScope(body);
        const user = userOf(body);
        if (body.dryRun) {
          await audit(deps, caller, 'batch.preview', user, body.action);
          return Response.json(await previewBatch(db, body));
        }
        await audit(deps, caller, 'batch.start', user, body.id ?? body.action);
        const batch = await beginBatch(db, body, caller.user);
        // Where Temporal does not respond, upkeep starts it.
        await sender.startBatch(batch.id).catch(() => {});
        return Response.json(batch, { status: 202 });
      },
    }),
    route({
      method: 'get',
      path: '/v1/batches',
      access: 'inspect',
      reserved: 'see batches',
      summary: 'For operators: list batches, newest first',
      query: listQuery,
      responses: { 200: { description: 'A page', schema: batchPageSchema } },
      async handle({ caller, query }) {
        await audit(deps, caller, 'batches.read', null);
        return Response.json(await listBatches(db, query));
      },
    }),
    route({
      method: 'get',
      path: '/v1/batches/{batch}',
      access: 'inspect',
      reserved: 'see batches',
      summary: 'For operators: get the progress or the report of a batch',
      responses: { 200: { description: 'The batch', schema: batchSchema } },
      handle: async ({ param }) => Response.json(await requireBatch(deps, param('batch'))),
    }),
    route({
      method: 'get',
      path: '/v1/batches/{batch}/items',
      access: 'inspect',
      reserved: 'see batches',
      summary: 'For operators: list the runs or sessions of a batch, and what became of each',
      query: itemsQuery,
      responses: { 200: { description: 'A page', schema: batchItemPageSchema } },
      async handle({ caller, param, query }) {
        const { id } = await requireBatch(deps, param('batch'));
        await audit(deps, caller, 'batches.read', null, id);
        return Response.json(await listBatchItems(db, id, query));
      },
    }),
    route({
      method: 'post',
      path: '/v1/batches/{batch}/cancel',
      access: 'operate',
      reserved: 'cancel batches',
      summary: 'For operators: end a batch; what it has changed stays',
      body: z.strictObject({}),
      responses: { 200: { description: 'The batch', schema: batchSchema } },
      async handle({ caller, param }) {
        const { id } = await requireBatch(deps, param('batch'));
        await audit(deps, caller, 'batch.cancel', null, id);
        await cancelBatch(db, id);
        return Response.json(await requireBatch(deps, id));
      },
    }),
  ];
}

async function requireBatch({ db }: GatewayDeps, id: string): Promise<Batch> {
  const batch = await readBatch(db, id);
  if (batch !== null) return batch;
  throw new PerdureError(
    'not_found',
    `There is no batch ${JSON.stringify(id.slice(0, 80))}. Take the id from GET /v1/batches.`,
  );
}

/** Everything is meant only if the request says so. */
function requireScope({ action, filter: { all, ...filter } }: BatchRequest): void {
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  if (all && filter.user !== undefined) {
    throw new PerdureError('invalid_request', 'The filter has both "all" and "user". Remove one of them.');
  }
  if (isFiltered || all) return;
  const what = action === 'cancel' || action === 'resume' ? 'run' : 'session';
  throw new PerdureError(
    'invalid_request',
    `The filter is empty. Add a condition, such as "agent", or "all": true to ${action} every ${what}.`,
  );
}

/** The user of the filter, validated; null for all. */
function userOf({ filter }: BatchRequest): string | null {
  return filter.user === undefined ? null : sessionKey(filter.user, 'batch').user;
}

async function audit(
  { db }: GatewayDeps,
  caller: Caller,
  action: AuditAction,
  user: string | null,
  subject?: string,
): Promise<void> {
  await appendAudit(db, { actor: caller.user, action, user, subject, sessionId: null, runId: null });
}
