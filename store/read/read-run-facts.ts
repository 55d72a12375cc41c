import { endsRun, type EventType } from '../../contracts/session/event.ts';
import type { WaitKind } from '../../contracts/provider.ts';
import type { ModelCallRecord, RunError } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { ModelCallFact, RunFacts, RunLife } from '../../core/why/run-facts.ts';
import type { Db } from '../db/db.ts';
import { runDetailOf, type RunParts } from '../runs/records.ts';

interface Course {
  readonly type: EventType;
  readonly step: number | null;
  readonly at: string;
  readonly data: { readonly durationMs?: number; readonly error?: RunError; readonly reason?: string };
}

interface Found extends RunParts {
  readonly course: Course[];
  readonly waits: readonly {
    readonly kind: WaitKind;
    readonly provider: string;
    readonly startedAt: string;
    readonly endedAt: string | null;
  }[];
  readonly ahead: { readonly run_id: string; readonly ended_at: string | null } | null;
  readonly now: string;
}

const OF_RUN = (table: string) => `${table}.user_id = $1 AND ${table}.session_id = $2 AND ${table}.run_id = $3`;

/** Events before the run's first message are none of its own: from there on the key of the table is read in order. */
const READ = `
  SELECT to_json(r) AS run, date_trunc('milliseconds', clock_timestamp()) AS now,
         (SELECT coalesce(json_agg(s ORDER BY s.step), '[]') FROM perdure.steps s WHERE ${OF_RUN('s')}) AS steps,
         (SELECT coalesce(json_agg(t ORDER BY t.step, t.position), '[]') FROM perdure.tool_calls t
           WHERE ${OF_RUN('t')}) AS calls,
         (SELECT coalesce(json_agg(c ORDER BY c.step, c.attempt), '[]') FROM perdure.model_calls c
           WHERE ${OF_RUN('c')}) AS "modelCalls",
         (SELECT coalesce(json_agg(json_build_object('type', e.type, 'step', e.step, 'at', e.at,
                   'data', json_build_object('durationMs', e.data->'durationMs', 'error', e.data->'error',
                                             'reason', e.data->'reason')) ORDER BY e.seq), '[]')
            FROM perdure.events e
           WHERE ${OF_RUN('e')} AND e.type IN ('run.started', 'message.completed', 'run.completed', 'run.failed', 'run.cancelled')
             AND e.seq > (SELECT min(m.seq) FROM perdure.messages m
                           WHERE m.user_id = $1 AND m.session_id = $2
                             AND m.message_id IN (SELECT json_array_elements_text(r.message_ids)))) AS course,
         (SELECT coalesce(json_agg(json_build_object('kind', w.kind, 'provider', w.provider, 'startedAt', w.started_at,
                                                     'endedAt', w.ended_at) ORDER BY w.started_at), '[]')
            FROM perdure.waits w WHERE ${OF_RUN('w')}) AS waits,
         (SELECT json_build_object('run_id', o.run_id, 'ended_at', o.ended_at) FROM perdure.runs o
           WHERE o.user_id = $1 AND o.session_id = $2 AND o.run_id <> $3
             AND o.started_at < coalesce(r.started_at, r.ended_at, clock_timestamp())
             AND (o.ended_at IS NULL OR o.ended_at > r.created_at)
             AND (r.started_at IS NULL OR o.ended_at <= r.started_at)
           ORDER BY o.ended_at DESC NULLS FIRST LIMIT 1) AS ahead
    FROM perdure.runs r
   WHERE ${OF_RUN('r')}`;

/** All that is known of a run's course, as of one moment; null when there is no such run. */
export async function readRunFacts(db: Db, key: SessionKey, runId: string): Promise<RunFacts | null> {
  const [found] = await db.query<Found>(READ, [key.user, key.session, runId]);
  if (!found) return null;
  const { stepList, toolCalls, modelCalls, ...run } = runDetailOf(found);
  const { ahead, course, waits, now } = found;
  return {
    sessionId: key.session,
    run,
    steps: stepList,
    toolCalls,
    lives: livesIn(course),
    replies: course.flatMap(({ type, step, data }) =>
      type === 'message.completed' && step !== null ? [{ step, durationMs: data.durationMs ?? 0 }] : [],
    ),
    modelCalls: modelCalls.map(factOf),
    waits: waits.map(({ kind, provider, startedAt, endedAt }) => ({
      // Of a cool-down too the provider's limit is the reason.
      kind: kind === 'circuit' ? ('circuit' as const) : ('limit' as const),
      whom: provider,
      startedAt,
      endedAt,
    })),
    ahead: ahead && { runId: ahead.run_id, endedAt: ahead.ended_at },
    now,
  };
}

function factOf({ answeredBy, errorCode, ...call }: ModelCallRecord): ModelCallFact {
  return { ...call, model: answeredBy ?? call.model, error: errorCode };
}

function livesIn(course: readonly Course[]): RunLife[] {
  const lives: { startedAt: string; endedAt: string | null; ending: string | null }[] = [];
  for (const { type, at, data } of course) {
    if (type === 'run.started') lives.push({ startedAt: at, endedAt: null, ending: null });
    const last = lives.at(-1);
    if (!endsRun(type) || last === undefined) continue;
    last.endedAt = at;
    last.ending = data.error?.code ?? data.reason ?? 'completed';
  }
  return lives;
}
