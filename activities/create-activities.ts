import { activityInfo } from '@temporalio/activity';
import { createPriceTable } from '../models/price-table.ts';
import { ACTIVITY_TYPE } from '../contracts/names.ts';
import { createCommitObserver } from '../telemetry/commit-observer.ts';
import type { ByActivityType, MaintenanceActivities, RunActivities, SessionActivities } from './shared/contract.ts';
import { admitMessages } from './session/admit-messages.ts';
import { advanceRun } from './run/advance-run.ts';
import { ContextCache } from './run/context-cache.ts';
import type { ActivityDeps } from './shared/deps.ts';
import { measuredModels } from './observe/measured-models.ts';
import { runTool } from './tools/run-tool.ts';
import { endSession, openSession, recordRefusal, resumeRun, updateSession } from './session/session-commands.ts';
import { expireSession } from './session/expire-session.ts';
import { sweepPage } from './sweep/sweep-page.ts';
import { endRun, requestStop } from './session/stop-run.ts';

/** The activities that a worker registers. Their commits and model calls are measured. */
export function createActivities(
  given: Omit<ActivityDeps, 'prices' | 'commits'>,
): ByActivityType<SessionActivities & RunActivities & MaintenanceActivities> {
  const { models, agents, telemetry } = given;
  const contexts = new ContextCache();
  const deps = {
    ...given,
    prices: createPriceTable(given.deployment.prices),
    commits: createCommitObserver(telemetry, {
      isTool: (name) => agents.tool(name) !== undefined,
      attempt: () => activityInfo().attempt,
    }),
    models: measuredModels(models, telemetry),
  };
  return {
    admitMessages: (input) => admitMessages(deps, input),
    openSession: (input) => openSession(deps, input),
    updateSession: (input) => updateSession(deps, input),
    endSession: (input) => endSession(deps, input),
    expireSession: () => expireSession(deps),
    recordRefusal: (input) => recordRefusal(deps, input),
    resumeRun: (input) => resumeRun(deps, input),
    [ACTIVITY_TYPE.requestStop]: (input) => requestStop(deps, input),
    endRun: (input) => endRun(deps, input),
    advanceRun: (input) => advanceRun({ ...deps, contexts }, input),
    runTool: (input) => runTool(deps, input),
    sweepPage: (input) => sweepPage(deps, input),
  };
}
