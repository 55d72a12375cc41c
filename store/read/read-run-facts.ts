import type { EventType } from '../../contracts/events/event.ts';
import { EVENT_TRAITS } from '../../contracts/events/event-traits.ts';
import type { WaitKind } from '../../contracts/provider.ts';
import type { InboxKind } from '../../contracts/session/inbox-item.ts';
import type { ModelCallRecord, RunError } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { ModelCallFact, RunFacts, RunPeriod, WaitFact } from '../../core/why/run-facts.ts';
import type { Db } from '../db/db.ts';
import { eventTypeCondition } from '../log/event-type-condition.ts';
import { CONTEXT_CALLS, runDetailOf, type RunParts } from '../runs/records.ts';

/** An event that marks a start, a reply or an end of the run. */
interface Milestone {
  readonly type: EventType;
  readonly step: number | null;
  readonly at: string;
  readonly data: {
    readonly durationMs?: number;
    readonly rejected?: boolean;
    readonly omitted?: number | null;
    readonly error?: RunError;
    readonly reason?: string;
  };
}

interface FactsRow extends RunParts {
  readonly milestones: Milestone[];
  readonly waits: readonly {
    readonly kind: WaitKind | InboxKind;
    /** For an inbox item: the tool. */
    readonly provider: string;
    readonly startedAt: string;
    readonly endedAt: string | null;
  }[];
  readonly ahead: { readonly run_id: string; readonly ended_at: string | null } | null;
  readonly now: string;
}

const OF_RUN = (table: string) => `${table}.user_id = $1 AND ${table}.session_id = $2 AND ${table}.run_id = $3`;

const IS_MILESTONE = eventTypeCondition('e.type', ({ run }) => run !== 'none');

/** No event of a run precedes its first message: from there the events are read in the order of the table's key. */
const READ = `
  SELECT to_json(r) AS run, date_trunc('milliseconds', clock_timestamp()) AS now,
         (SELECT coalesce(json_agg(s ORDER BY s.step), '[]') FROM perdure.steps s WHERE ${OF_RUN('s')}) AS steps,
         (SELECT coalesce(json_agg(t ORDER BY t.step, t.position), '[]') FROM perdure.tool_calls t
           WHERE ${OF_RUN('t')}) AS calls,
         (SELECT coalesce(json_agg(c ORDER BY c.step, c.attempt), '[]') FROM perdure.model_calls c
           WHERE ${OF_RUN('c')}) AS "modelCalls",
         ${CONTEXT_CALLS},
         (SELECT coalesce(json_agg(json_build_object('type', e.type, 'step', e.step, 'at', e.at,
                   'data', json_build_object('durationMs', e.data->'durationMs', 'rejected', e.data->'rejected' IS NOT NULL,
                                             'omitted', e.data->'omitted', 'error', e.data->'error',
                                             'reason', e.data->'reason')) ORDER BY e.seq), '[]')
            FROM perdure.events e
           WHERE ${OF_RUN('e')} AND (${IS_MILESTONE})
             AND e.seq > (SELECT min(m.seq) FROM perdure.messages m
                           WHERE m.user_id = $1 AND m.session_id = $2
                             AND m.message_id IN (SELECT json_array_elements_text(r.message_ids)))) AS milestones,
         (SELECT coalesce(json_agg(json_build_object('kind', w.kind, 'provider', w.provider, 'startedAt', w.started_at,
                                                     'endedAt', w.ended_at) ORDER BY w.started_at), '[]')
            FROM (SELECT w.kind, w.provider, w.started_at, w.ended_at FROM perdure.waits w WHERE ${OF_RUN('w')}
                  UNION ALL
                  SELECT i.kind, i.tool, i.requested_at,
                         coalesce(i.answered_at, CASE i.status WHEN 'expired' THEN i.expires_at
                                                               WHEN 'withdrawn' THEN coalesce(r.ended_at, i.requested_at) END)
                    FROM perdure.inbox i WHERE ${OF_RUN('i')}) w) AS waits,
         (SELECT json_build_object('run_id', o.run_id, 'ended_at', o.ended_at) FROM perdure.runs o
           WHERE o.user_id = $1 AND o.session_id = $2 AND o.run_id <> $3
             AND o.started_at < coalesce(r.started_at, r.ended_at, clock_timestamp())
             AND (o.ended_at IS NULL OR o.ended_at > r.created_at)
             AND (r.started_at IS NULL OR o.ended_at <= r.started_at)
           ORDER BY o.ended_at DESC NULLS FIRST LIMIT 1) AS ahead
    FROM perdure.runs r
   WHERE ${OF_RUN('r')}`;

/** Reads everything about the course of a run from one snapshot; null when there is no such run. */
export async function readRunFacts(db: Db, key: SessionKey, runId: string): Promise<RunFacts | null> {
  const [found] = await db.query<FactsRow>(READ, [key.user, key.session, runId]);
  if (!found) return null;
  const { stepList, toolCalls, modelCalls, contextCalls = [], background, ...run } = runDetailOf(found);
  const { ahead, milestones, waits, now } = found;
  return {
    sessionId: key.session,
    run,
    steps: stepList,
    toolCalls,
    periods: runPeriods(milestones),
    replies: milestones.flatMap(({ type, step, data }) =>
      type === 'message.completed' && step !== null
        ? [{ step, durationMs: data.durationMs ?? 0, rejected: data.rejected ?? false, omitted: data.omitted ?? 0 }]
        : [],
    ),
    modelCalls: modelCalls.filter(({ kind }) => kind === undefined).map(factOf),
    summaries: modelCalls.filter(({ kind }) => kind === 'summary').map(factOf),
    evaluations: modelCalls.filter(({ kind }) => kind === 'approval').map(factOf),
    providerCalls: modelCalls.filter(({ kind }) => kind === 'context').map(factOf),
    contextCalls,
    isLeftForBackground: background !== undefined,
    waits: waits.map(({ kind, provider, startedAt, endedAt }) => ({
      kind: waitedFor(kind),
      who: provider,
      startedAt,
      endedAt,
    })),
    ahead: ahead && { runId: ahead.run_id, endedAt: ahead.ended_at },
    now,
  };
}

/** A cool-down is caused by the provider's rate limit as well. */
function waitedFor(kind: FactsRow['waits'][number]['kind']): WaitFact['kind'] {
  return kind === 'rate_limit' || kind === 'cool_down' ? 'limit' : kind;
}

function factOf({ kind: _kind, answeredBy, errorCode, ...call }: ModelCallRecord): ModelCallFact {
  return { ...call, model: answeredBy ?? call.model, requestedModel: call.model, error: errorCode };
}

/** The periods from a start of the run, the first or after a resume, to the end that followed. */
function runPeriods(milestones: readonly Milestone[]): RunPeriod[] {
  const periods: { startedAt: string; endedAt: string | null; ending: string | null }[] = [];
  for (const { type, at, data } of milestones) {
    const { run } = EVENT_TRAITS[type];
    switch (run) {
      case 'start':
        periods.push({ startedAt: at, endedAt: null, ending: null });
        break;
      case 'end': {
        const last = periods.at(-1);
        if (last === undefined) break;
        last.endedAt = at;
        last.ending = data.error?.code ?? data.reason ?? 'completed';
        break;
      }
      case 'reply':
      case 'none':
        break;
      default:
        run satisfies never;
    }
  }
  return periods;
}
