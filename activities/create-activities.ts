import { activityInfo } from '@temporalio/activity';
import { UserRotation } from '../core/load/user-rotation.ts';
import { createPriceTable } from '../models/price-table.ts';
import { TokenMeter } from '../models/token-meter.ts';
import { ACTIVITY_TYPE } from '../contracts/names.ts';
import { createCommitObserver } from '../telemetry/commit-observer.ts';
import type { ByActivityType, MaintenanceActivities, RunActivities, SessionActivities } from './shared/contract.ts';
import { admitMessages } from './session/admit-messages.ts';
import { callingSession } from './shared/calling-session.ts';
import { command } from './shared/command-failure.ts';
import { askEvaluator } from './run/approvals/ask-evaluator.ts';
import { callInBackground } from './run/background/call-in-background.ts';
import { ContextCache } from './run/conversation/context-cache.ts';
import { ServedSessions } from './serving/served-sessions.ts';
import { serveSession } from './serving/serve-session.ts';
import { countingFailures } from './shared/counting-failures.ts';
import type { ActivityDeps } from './shared/deps.ts';
import { RunBegins } from './observe/run-begins.ts';
import { measuredModels } from './observe/measured-models.ts';
import { requiringStore } from './shared/requiring-store.ts';
import { runTool } from './tools/run-tool.ts';
import {
  endSession,
  openSession,
  recordCounts,
  recordRefusal,
  resumeRun,
  updateSession,
} from './session/session-commands.ts';
import { expireSession } from './session/expire-session.ts';
import { answerApproval, answerClientCall } from './inbox/answer-item.ts';
import { settleDue } from './inbox/settle-due.ts';
import { runBatch } from './batch/run-batch.ts';
import { eraseUser } from './erasure/erase-user.ts';
import { sweepPage } from './sweep/sweep-page.ts';
import { cancelOpenRun, endRun, requestStop } from './session/stop-run.ts';

/**
 * Statements and transactions at once by which sessions find and claim their next work, and those of one user. The sessions of a
 * user who has many runs waiting do so without a pause; those of others do not wait behind all of them. Others use the
 * store's remaining connections.
 */
const TURNS = { atOnce: 8, perUser: 6 };

/** The activities that a worker registers. Their commits and model calls are measured. */
export function createActivities(
  given: Omit<ActivityDeps, 'prices' | 'tokens' | 'commits' | 'turns' | 'askEvaluator'>,
  sessions = new ServedSessions(Number.POSITIVE_INFINITY),
  begins = new RunBegins(),
): ByActivityType<SessionActivities & RunActivities & MaintenanceActivities> {
  const { models, agents, telemetry } = given;
  const contexts = new ContextCache();
  const deps: ActivityDeps = {
    ...given,
    askEvaluator: (...of) => askEvaluator(deps, ...of),
    turns: new UserRotation(TURNS),
    prices: createPriceTable(given.deployment.prices, given.deployment.models),
    tokens: new TokenMeter(),
    commits: begins.observing(
      createCommitObserver(telemetry, {
        isTool: (name) => agents.tool(name) !== undefined,
        attempt: () => activityInfo().attempt,
      }),
    ),
    models: measuredModels(models, telemetry),
  };
  const inTurn = <T>(work: () => Promise<T>) => deps.turns.run(callingSession().key.user, work);
  return {
    admitMessages: (input) => command(() => inTurn(() => admitMessages(deps, input))),
    openSession: (input) => inTurn(() => openSession(deps, input)),
    updateSession: (input) => updateSession(deps, input),
    recordCounts: (input) => recordCounts(deps, input),
    endSession: (input) => endSession(deps, input),
    expireSession: () => expireSession(deps),
    recordRefusal: (input) => recordRefusal(deps, input),
    resumeRun: (input) => resumeRun(deps, input),
    [ACTIVITY_TYPE.requestStop]: (input) => requestStop(deps, input),
    cancelOpenRun: (input) => cancelOpenRun(deps, input),
    endRun: (input) => endRun(deps, input),
    settleDue: () => settleDue(deps),
    answerApproval: (input) => answerApproval(deps, input),
    answerClientCall: (input) => answerClientCall(deps, input),
    advanceRun: (input) => requiringStore(deps, () => serveSession({ ...deps, contexts, sessions }, input)),
    runTool: (input) => requiringStore(deps, () => countingFailures(deps, input.runId, () => runTool(deps, input))),
    callInBackground: () => requiringStore(deps, () => callInBackground(deps)),
    sweepPage: (input) => sweepPage(deps, input),
    eraseUser: (input) => eraseUser(deps, input),
    runBatch: (input) => runBatch(deps, input),
  };
}
