import { createPriceTable } from '../models/price-table.ts';
import type { MaintenanceActivities, RunActivities, SessionActivities } from './activities.ts';
import { admitMessages } from './admit-messages.ts';
import { advanceRun } from './advance-run.ts';
import { ContextCache } from './context-cache.ts';
import type { ActivityDeps } from './deps.ts';
import { observedLive, observedModels } from './observed.ts';
import { runTool } from './run-tool.ts';
import { endSession, openSession, recordRefusal, resumeRun, updateSession } from './session-commands.ts';
import { expireSession } from './session-life.ts';
import { sweepPage } from './sweep-page.ts';
import { endRun, ringStop } from './stop-run.ts';

/** What a worker registers. What they commit and each model call they make is counted. */
export function createActivities(
  given: Omit<ActivityDeps, 'prices'>,
): SessionActivities & RunActivities & MaintenanceActivities {
  const { live, models, agents, telemetry } = given;
  const contexts = new ContextCache();
  const deps = {
    ...given,
    prices: createPriceTable(given.deployment.prices),
    live: observedLive(live, telemetry, agents),
    models: observedModels(models, telemetry),
  };
  return {
    admitMessages: (input) => admitMessages(deps, input),
    openSession: (input) => openSession(deps, input),
    updateSession: (input) => updateSession(deps, input),
    endSession: (input) => endSession(deps, input),
    expireSession: () => expireSession(deps),
    recordRefusal: (input) => recordRefusal(deps, input),
    resumeRun: (input) => resumeRun(deps, input),
    ringStop: (input) => ringStop(deps, input),
    endRun: (input) => endRun(deps, input),
    advanceRun: (input) => advanceRun({ ...deps, contexts }, input),
    runTool: (input) => runTool(deps, input),
    sweepPage: (input) => sweepPage(deps, input),
  };
}
