import { ApplicationFailure } from '@temporalio/activity';
import { pauseOf } from '../../core/pauses/find-pause.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { finishTools } from '../../store/runs/finish-tools.ts';
import { readRun } from '../../store/read/read-run.ts';
import { releaseTool } from '../../store/runs/release-tool.ts';
import { callTool } from './call-tool.ts';
import { programExecution } from './program-tool.ts';
import { askingExecution } from './questions/asking-execution.ts';
import { claimTool } from './claim-tool.ts';
import { callingSession } from '../shared/calling-session.ts';
import { commitWhenStoreIsBack } from '../shared/commit-when-store-is-back.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { heartbeat } from '../shared/heartbeat.ts';
import { retryWhereCodeExists, mayRetryWhereCodeExists } from '../shared/retry-where-code-exists.ts';
import { agentOfRun, pinnedAgent } from '../shared/resolve-agent.ts';
import { StepStream } from '../shared/step-stream.ts';
import { toolCode } from '../shared/tool-code.ts';
import { waitForPause } from '../shared/wait-for-pause.ts';
import { Stopped, watchForStop } from '../shared/stop-watch.ts';

/** Executes a tool call in an activity of its own, and commits its outcome. */
export async function runTool(
  deps: ActivityDeps,
  { runId, callId }: { readonly runId: string; readonly callId: string },
): Promise<void> {
  const { key } = callingSession();
  const { db, live } = deps;
  using _beat = heartbeat(1_000);
  const stream = new StepStream(live, key, runId);
  using watch = await watchForStop(live, key, runId, () => {});
  const run = await readRun(db, key, runId);
  const record = run?.toolCalls.find((call) => call.callId === callId);
  if (!run?.agentVersion || !record)
    throw ApplicationFailure.nonRetryable(`The run ${runId} has no tool call ${callId}.`, 'not_found');
  const { agent } = await agentOfRun(deps, key, runId, await pinnedAgent(deps, run.agentVersion));
  deps.commits.setAgent(key, run.agent);
  // Checked before the claim, because a call that is not idempotent can be claimed only once.
  if (!toolCode(deps, agent, record.tool) && mayRetryWhereCodeExists())
    throw retryWhereCodeExists(`tool ${JSON.stringify(record.tool)}`);
  const pause = pauseOf(deps.pauses.current, 'tool', record.tool);
  if (pause?.refuse === false) throw waitForPause(pause);
  const claim = await claimTool(deps, key, { runId, callId, tool: record.tool, agent });
  if (claim.claim === 'closed') return;

  const toolRun = { key, runId, agent, stream, signal: watch.signal };
  const call = { ...claim, callId };
  const execution = programExecution(deps, toolRun, call) ?? askingExecution(deps, toolRun, call);
  const progress = await callTool(deps, toolRun, call, execution);
  const isSuspended = (execution?.waitsFor().length ?? 0) > 0;
  if (isSuspended && progress.kind !== 'stopped') {
    await execution?.suspend();
    return;
  }
  switch (progress.kind) {
    case 'outcome': {
      const results = [{ callId, outcome: progress.outcome, durationMs: progress.durationMs }];
      const finished = await commitWhenStoreIsBack(watch.signal, () => finishTools(db, key, { runId, results }));
      publishAppended(deps, key, finished.events);
      return;
    }
    case 'retry':
      await releaseTool(db, key, { runId, callId, workedMs: progress.durationMs });
      throw ApplicationFailure.create({
        type: 'tool_failed',
        message: `The tool ${record.tool} failed. It will be retried.`,
        nextRetryDelay: progress.delayMs,
      });
    case 'stopped':
      // After a cancel, the workflow ends the run, which closes the call. After a shutdown, the call runs again if it may.
      if (isLeaving(watch.signal) && toolCode(deps, agent, record.tool)?.idempotent)
        await releaseTool(db, key, { runId, callId, workedMs: 0, abandoned: claim.attempt });
      throw ApplicationFailure.create({
        type: 'worker_left',
        message: 'The worker stopped working on this tool call.',
        nextRetryDelay: 100,
      });
  }
}

/** Whether the worker leaves the run to others, instead of the run being stopped. */
function isLeaving({ reason }: AbortSignal): boolean {
  return reason instanceof Stopped && reason.why.kind === 'leave';
}
