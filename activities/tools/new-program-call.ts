import { LIMITS } from '../../contracts/limits.ts';
import { programCallId } from '../../core/programs/program-call-id.ts';
import { resolvePolicy } from '../../core/policy.ts';
import type { ProgramCall } from '../../sandbox/program.ts';
import { readRememberedTools } from '../../store/inbox/approval-rules.ts';
import { startProgramCall, type ProgramClaim } from '../../store/programs/start-program-call.ts';
import { readSession } from '../../store/read/read-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { Evaluations } from '../shared/evaluations.ts';
import { definitionsIn, isJudged, judgeCall } from './approvals/judge-call.ts';
import type { ToolRun } from './claimed-call.ts';

/** Other programs of the run are executed at the same time. Their evaluations take no longer than this, commits included. */
const LOST_AFTER_MS = 2 * LIMITS.approvalEvaluatorMs.value;

/** Decides on a call that a program makes for the first time, as on a call of a model. Returns the function that records and claims it. */
export async function newProgramCall(
  deps: ActivityDeps,
  run: ToolRun,
  program: string,
  { index, tool, arguments: args }: ProgramCall,
): Promise<() => Promise<ProgramClaim>> {
  const { key, runId, agent } = run;
  const spec = agent.tools.find(({ name }) => name === tool);
  const idempotent = spec?.idempotent ?? false;
  const call = { runId, program, index, tool, arguments: args, idempotent };
  if (!spec || !isJudged(spec)) return () => startProgramCall(deps.db, key, { ...call, refused: null });
  const remembered = await readRememberedTools(deps.db, key, agent.spec.name, [tool], definitionsIn(agent));
  const proposed = {
    callId: programCallId(program, index),
    tool,
    arguments: args,
    inPlace: false,
    idempotent,
    refused: null,
  };
  const { refused, waits } = await judgeCall(
    deps,
    { ...run, evaluations: new Evaluations(LOST_AFTER_MS) },
    proposed,
    spec,
    remembered.has(tool),
  );
  if (!waits) return () => startProgramCall(deps.db, key, { ...call, refused });
  const session = await readSession(deps.db, key);
  const { whileWaiting } = resolvePolicy(deps.deployment.policy, agent.spec.policy, session?.policy);
  const holdsQueue = whileWaiting === 'queue';
  return () => startProgramCall(deps.db, key, { ...call, refused, waits: { ...waits, holdsQueue } });
}
