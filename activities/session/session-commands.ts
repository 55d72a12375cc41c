import {
  endSessionSchema,
  openSessionSchema,
  resumeRunSchema,
  updateSessionSchema,
} from '../../contracts/session/commands.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { sessionLimits } from '../../contracts/session/session-limits.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { endSession as endInStore } from '../../store/sessions/end-session.ts';
import { openSession as openInStore } from '../../store/sessions/open-session.ts';
import { refuseMessages } from '../../store/admission/refuse-messages.ts';
import { resumeRun as resumeInStore } from '../../store/sessions/resume-run.ts';
import { updateSession as updateInStore } from '../../store/sessions/update-session.ts';
import type { EndOutput, OpenOutput, ResumeOutput, SessionActivities, UpdateOutput } from '../shared/contract.ts';
import { callingSession } from '../shared/calling-session.ts';
import { command, parse } from '../shared/command-failure.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { dueInMs } from './session-life.ts';
import { tellEvicted } from './tell-evicted.ts';

type Input<K extends keyof SessionActivities> = Parameters<SessionActivities[K]>[0];

/** The commands of a session that are no messages: validated here, decided by the store. */
export function openSession(deps: ActivityDeps, input: Input<'openSession'>): Promise<OpenOutput> {
  const { db, agents } = deps;
  const { key, kind } = callingSession();
  return command(async () => {
    const { agent = agents.defaultAgent, metadata = {}, policy = {} } = parse(openSessionSchema, input.request);
    if (!agents.agent(agent)) throw unknownAgent(agent);
    const limits = sessionLimits(deps.deployment.limits);
    const opened = await openInStore(db, key, { agent, metadata, policy, kind, limits, execution: input.execution });
    publishAppended(deps, key, opened.events);
    tellEvicted(deps, opened.evicted);
    const { status, agent: itsAgent } = opened.session;
    const session = { status, agent: itsAgent, dueInMs: dueInMs(deps, opened.session) };
    return { created: opened.created, session, openRuns: opened.openRuns ?? [] };
  });
}

export function updateSession(deps: ActivityDeps, input: Input<'updateSession'>): Promise<UpdateOutput> {
  const { db } = deps;
  const { key } = callingSession();
  return command(async () => {
    const update = parse(updateSessionSchema, input.request);
    const { events, session } = await updateInStore(db, key, update);
    publishAppended(deps, key, events);
    return update.policy === undefined ? {} : { dueInMs: dueInMs(deps, session) };
  });
}

export function endSession(deps: ActivityDeps, input: Input<'endSession'>): Promise<EndOutput> {
  const { key } = callingSession();
  return command(async () => {
    const { status = 'completed', reason = null } = parse(endSessionSchema, input.request);
    const { events, cancelledRuns } = await endInStore(deps.db, key, { status, reason });
    publishAppended(deps, key, events);
    return { status, cancelledRuns };
  });
}

export async function recordRefusal(deps: ActivityDeps, input: Input<'recordRefusal'>): Promise<void> {
  const { key } = callingSession();
  const { events } = await refuseMessages(deps.db, key, [{ messageId: null, ...input }]);
  publishAppended(deps, key, events);
}

export function resumeRun(deps: ActivityDeps, input: Input<'resumeRun'>): Promise<ResumeOutput> {
  const { db, deployment } = deps;
  const { key } = callingSession();
  return command(async () => {
    const { runId } = parse(resumeRunSchema, input.request);
    const resumed = await resumeInStore(db, key, {
      runId,
      execution: input.execution,
      limits: sessionLimits(deployment.limits),
    });
    publishAppended(deps, key, resumed.events);
    tellEvicted(deps, resumed.evicted);
    return { session: resumed.session, openRuns: resumed.openRuns };
  });
}

function unknownAgent(name: string): PerdureError {
  return new PerdureError(
    'invalid_request',
    `There is no agent ${JSON.stringify(name)}. \`perdure agents\` lists those there are.`,
  );
}
