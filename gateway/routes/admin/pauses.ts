import { PerdureError } from '../../../contracts/errors.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { pauseSchema, pauseSettingsSchema, pausesSchema } from '../../../contracts/admin/pause.ts';
import { parsePauseId, pauseId, type PauseScope } from '../../../core/pauses/pause-id.ts';
import { appendAudit } from '../../../store/admin/audit/append-audit.ts';
import { readPauses, removePause, savePause } from '../../../store/admin/pauses/pauses.ts';
import type { AuditAction } from '../../../contracts/admin/audit.ts';
import type { GatewayDeps } from '../../answers/gateway-deps.ts';
import type { Caller } from '../../http/caller.ts';
import { route, type Route } from '../../http/route.ts';

/** For operators: pauses of agents, tools, providers, users or everything. */
export function pauseRoutes(deps: GatewayDeps): Route[] {
  const { db, pauses } = deps;
  return [
    route({
      method: 'get',
      path: '/v1/pauses',
      access: 'inspect',
      reserved: 'see what is paused',
      summary: 'For operators: what is paused',
      responses: { 200: { description: 'All pauses, the oldest first', schema: pausesSchema } },
      async handle({ caller }) {
        await audit(deps, caller, 'pauses.read', null);
        return Response.json({ data: await readPauses(db), nextCursor: null });
      },
    }),
    route({
      method: 'put',
      path: '/v1/pauses/{pause}',
      access: 'operate',
      reserved: 'set pauses',
      summary: 'For operators: pause an agent, a tool, a provider, a user or everything; or change how',
      body: pauseSettingsSchema,
      responses: { 200: { description: 'The pause', schema: pauseSchema } },
      async handle({ caller, param, body }) {
        const scope = scopeOf(param('pause'));
        if (body.stop && (scope.kind === 'tool' || scope.kind === 'provider')) {
          throw new PerdureError(
            'invalid_request',
            `"stop" has no effect on a ${scope.kind}: its next call always waits. Remove "stop".`,
          );
        }
        const known = await readPauses(db);
        const isNew = !known.some(({ kind, name }) => kind === scope.kind && name === scope.name);
        if (isNew && known.length >= LIMITS.pauses.value) {
          throw new PerdureError(
            'too_large',
            `There are ${known.length} pauses; the limit is ${LIMITS.pauses.value}. Remove one, or pause everything.`,
          );
        }
        await audit(deps, caller, 'pause.set', scope);
        const { refuse, stop, reason } = body;
        const pause = await savePause(db, { ...scope, refuse, stop, reason: reason || null, by: caller.user });
        await pauses.publish();
        return Response.json(pause);
      },
    }),
    route({
      method: 'delete',
      path: '/v1/pauses/{pause}',
      access: 'operate',
      reserved: 'remove pauses',
      summary: 'For operators: remove a pause',
      responses: { 204: { description: 'It is removed' } },
      async handle({ caller, param }) {
        const scope = scopeOf(param('pause'));
        await audit(deps, caller, 'pause.remove', scope);
        const removed = await removePause(db, scope);
        await pauses.publish();
        if (removed) return new Response(null, { status: 204 });
        throw new PerdureError(
          'not_found',
          `There is no pause ${JSON.stringify(param('pause').slice(0, 80))}. \`perdure pauses\` lists them.`,
        );
      },
    }),
  ];
}

/** Names have the length of a user at most, as the longest of them. */
function scopeOf(id: string): PauseScope {
  const scope = parsePauseId(id);
  if (scope !== null && (scope.name ?? '').length <= LIMITS.userBytes.value) return scope;
  throw new PerdureError(
    'invalid_request',
    `${JSON.stringify(id.slice(0, 80))} cannot be paused. Use "all", or a kind and a name: "agent:NAME", "tool:NAME", "provider:NAME" or "user:NAME".`,
  );
}

async function audit(
  { db }: GatewayDeps,
  caller: Caller,
  action: AuditAction,
  scope: PauseScope | null,
): Promise<void> {
  const user = scope?.kind === 'user' ? scope.name : null;
  const subject = scope === null || user !== null ? undefined : pauseId(scope);
  await appendAudit(db, { actor: caller.user, action, user, subject, sessionId: null, runId: null });
}
