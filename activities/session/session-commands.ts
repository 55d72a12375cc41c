import {
  endSessionSchema,
  openSessionSchema,
  resumeRunSchema,
  updateSessionSchema,
} from '../../contracts/session/commands.ts';
import { recordCountsSchema } from '../../contracts/session/recorded-counts.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { sessionLimits } from '../../contracts/session/session-limits.ts';
import { knownAgents } from '../../admission/known-agents.ts';
import { notifyEvicted } from '../../admission/notify-evicted.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { commitSessionEnd } from '../../store/sessions/commit-session-end.ts';
import { getOrCreateSession } from '../../store/sessions/get-or-create-session.ts';
import { appendRefusals } from '../../store/admission/append-refusals.ts';
import { requeueRun } from '../../store/sessions/requeue-run.ts';
import { recordCounts as commitCounts } from '../../store/sessions/record-counts.ts';
import { patchSession } from '../../store/sessions/patch-session.ts';
import type { EndOutput, OpenOutput, ResumeOutput, SessionActivities, UpdateOutput } from '../shared/contract.ts';
import { cancelAbandoned } from '../children/cancel-abandoned.ts';
import { stopChildren } from '../children/children.ts';
import { callingSession } from '../shared/calling-session.ts';
import { keptText } from '../shared/kept-text.ts';
import { command, parse } from '../shared/command-failure.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { dueInMs } from './expire-session.ts';

type Input<K extends keyof SessionActivities> = Parameters<SessionActivities[K]>[0];

/** Opens the calling session. As all commands here: validates the request, and the store decides. */
export function openSession(deps: ActivityDeps, input: Input<'openSession'>): Promise<OpenOutput> {
  const { db, agents } = deps;
  const { key, kind } = callingSession();
  return command(async () => {
    const { agent = agents.defaultAgent, metadata = {}, policy = {} } = parse(openSessionSchema, input.request);
    const isKnown = await knownAgents(deps, [agent]);
    if (!isKnown(agent)) throw unknownAgent(agent);
    const limits = sessionLimits(deps.deployment.limits);
    const opened = await getOrCreateSession(db, key, {
      agent,
      metadata,
      policy,
      kind,
      limits,
      execution: input.execution,
    });
    publishAppended(deps, key, opened.events);
    notifyEvicted(deps, opened.evicted);
    const session = {
      status: opened.session.status,
      agent: opened.session.agent,
      dueInMs: dueInMs(deps, opened.session),
    };
    return { created: opened.created, session, openRuns: opened.openRuns ?? [] };
  });
}

export function updateSession(deps: ActivityDeps, input: Input<'updateSession'>): Promise<UpdateOutput> {
  const { db } = deps;
  const { key } = callingSession();
  return command(async () => {
    const update = parse(updateSessionSchema, input.request);
    const { events, session } = await patchSession(db, key, update);
    publishAppended(deps, key, events);
    return update.policy === undefined ? {} : { dueInMs: dueInMs(deps, session) };
  });
}

export function recordCounts(
  { db }: Pick<ActivityDeps, 'db'>,
  input: Input<'recordCounts'>,
): ReturnType<SessionActivities['recordCounts']> {
  const { key } = callingSession();
  return command(async () => await commitCounts(db, key, parse(recordCountsSchema, input.request)));
}

export function endSession(deps: ActivityDeps, input: Input<'endSession'>): Promise<EndOutput> {
  const { key } = callingSession();
  return command(async () => {
    const { status = 'completed', reason = null } = parse(endSessionSchema, input.request);
    const kept = await keptText(deps, key);
    const { events, cancelledRuns } = await commitSessionEnd(deps.db, key, { status, reason, kept });
    publishAppended(deps, key, events);
    await stopChildren(deps, key, null, 'session_ended').catch(() => {});
    await cancelAbandoned(deps, key).catch(() => {});
    return { status, cancelledRuns };
  });
}

export async function recordRefusal(deps: ActivityDeps, input: Input<'recordRefusal'>): Promise<void> {
  const { key } = callingSession();
  const { events } = await appendRefusals(deps.db, key, [{ messageId: null, ...input }]);
  publishAppended(deps, key, events);
}

export function resumeRun(deps: ActivityDeps, input: Input<'resumeRun'>): Promise<ResumeOutput> {
  const { db, deployment } = deps;
  const { key } = callingSession();
  return command(async () => {
    const { runId } = parse(resumeRunSchema, input.request);
    const resumed = await requeueRun(db, key, {
      runId,
      execution: input.execution,
      limits: sessionLimits(deployment.limits),
    });
    publishAppended(deps, key, resumed.events);
    deps.live.publish(key, { kind: 'serving', serving: 'look' });
    notifyEvicted(deps, resumed.evicted);
    return { session: resumed.session, openRuns: resumed.openRuns };
  });
}

function unknownAgent(name: string): PerdureError {
  return new PerdureError(
    'invalid_request',
    `There is no agent ${JSON.stringify(name)}. \`perdure agents\` lists all agents.`,
  );
}
