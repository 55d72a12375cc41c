import { ApplicationFailure } from '@temporalio/activity';
import { publishAppended } from '../../live/publish-appended.ts';
import { finishTools } from '../../store/runs/finish-tools.ts';
import { readRun } from '../../store/read/read-run.ts';
import { releaseTool } from '../../store/runs/release-tool.ts';
import { startTool } from '../../store/runs/start-tool.ts';
import { callTool } from './call-tool.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { heartbeat } from '../shared/heartbeat.ts';
import { retryWhereCodeExists, mayRetryWhereCodeExists } from '../shared/retry-where-code-exists.ts';
import { pinnedAgent } from '../shared/resolve-agent.ts';
import { StepStream } from '../shared/step-stream.ts';
import { watchForStop } from '../shared/stop-watch.ts';

/** Executes a tool call in an activity of its own, and commits its outcome. */
export async function runTool(
  deps: ActivityDeps,
  { runId, callId }: { readonly runId: string; readonly callId: string },
): Promise<void> {
  const { key } = callingSession();
  const { db, live } = deps;
  using _beat = heartbeat();
  const stream = new StepStream(live, key, runId);
  using watch = await watchForStop(live, key, runId, () => {});
  const run = await readRun(db, key, runId);
  const record = run?.toolCalls.find((call) => call.callId === callId);
  if (!run?.agentVersion || !record)
    throw ApplicationFailure.nonRetryable(`The run ${runId} has no tool call ${callId}.`, 'not_found');
  const agent = await pinnedAgent(deps, run.agentVersion);
  deps.commits.setAgent(key, run.agent);
  const idempotent = agent.tools.find(({ name }) => name === record.tool)?.idempotent ?? false;
  // Checked before the claim, because a call that is not idempotent can be claimed only once.
  if (!deps.agents.tool(record.tool, agent.hash) && mayRetryWhereCodeExists())
    throw retryWhereCodeExists(`tool ${JSON.stringify(record.tool)}`);
  const claim = await startTool(db, key, { runId, callId, idempotent });
  publishAppended(deps, key, claim.events);
  if (claim.claim === 'closed') return;

  const progress = await callTool(deps, { key, runId, agent, stream, signal: watch.signal }, { ...claim, callId });
  switch (progress.kind) {
    case 'outcome': {
      const results = [{ callId, outcome: progress.outcome, durationMs: progress.durationMs }];
      publishAppended(deps, key, (await finishTools(db, key, { runId, results })).events);
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
      // After a cancel, the workflow ends the run, which closes the call. After a shutdown, the next attempt finds the claim.
      throw ApplicationFailure.create({
        type: 'worker_left',
        message: 'The worker stopped working on this tool call.',
        nextRetryDelay: 100,
      });
  }
}
