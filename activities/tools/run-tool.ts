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
import { retryElsewhere, mayRetryElsewhere } from '../shared/retry-elsewhere.ts';
import { pinnedAgent } from '../shared/resolve-agent.ts';
import { StepStream } from '../shared/step-stream.ts';
import { watchForStop } from '../shared/stop-watch.ts';

/** One tool call in an activity of its own. Its outcome goes to the store; the run goes on from there. */
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
  deps.telemetry.events.setAgent(key, run.agent);
  const idempotent = agent.tools.find(({ name }) => name === record.tool)?.idempotent ?? false;
  // Before it is claimed: a call that is not idempotent cannot be claimed twice.
  if (!deps.agents.tool(record.tool) && mayRetryElsewhere())
    throw retryElsewhere(`tool ${JSON.stringify(record.tool)}`);
  const claim = await startTool(db, key, { runId, callId, idempotent });
  publishAppended(deps, key, claim.events);
  if (claim.claim === 'closed') return;

  const tried = await callTool(deps, { key, runId, agent, stream, signal: watch.signal }, { ...claim, callId });
  switch (tried.kind) {
    case 'outcome': {
      const results = [{ callId, outcome: tried.outcome, durationMs: tried.durationMs }];
      publishAppended(deps, key, (await finishTools(db, key, { runId, results })).events);
      return;
    }
    case 'again':
      await releaseTool(db, key, { runId, callId, workedMs: tried.durationMs });
      throw ApplicationFailure.create({
        type: 'tool_failed',
        message: `The tool ${record.tool} failed.`,
        nextRetryDelay: tried.delayMs,
      });
    case 'stopped':
      // A cancel: the workflow ends the run and closes the call in one transaction. A worker that leaves: the next try finds the claim.
      throw ApplicationFailure.create({
        type: 'worker_left',
        message: 'The worker is leaving this tool call.',
        nextRetryDelay: 100,
      });
  }
}
