import { setTimeout as delay } from 'node:timers/promises';
import type { ToolResult } from '../../store/runs/finish-tools.ts';
import { callTool } from './call-tool.ts';
import type { ClaimedCall, ToolRun } from './claimed-call.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** Executes claimed calls concurrently, with retries, and returns their results for the caller to commit. Throws the signal's reason when it is aborted. */
export async function executeClaimedCalls(
  deps: ActivityDeps,
  run: ToolRun,
  calls: readonly ClaimedCall[],
): Promise<ToolResult[]> {
  return await Promise.all(calls.map((call) => untilOutcome(deps, run, call)));
}

async function untilOutcome(deps: ActivityDeps, run: ToolRun, first: ClaimedCall): Promise<ToolResult> {
  let workedMs = 0;
  for (let call = first; ; call = { ...call, attempt: call.attempt + 1 }) {
    const progress = await callTool(deps, run, call);
    const { callId, attempt: attempts } = call;
    if (progress.kind !== 'stopped') workedMs += progress.durationMs;
    if (progress.kind === 'outcome') {
      return { callId, outcome: progress.outcome, durationMs: progress.durationMs, workedMs, attempts };
    }
    run.signal.throwIfAborted();
    if (progress.kind === 'retry')
      await delay(progress.delayMs, undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
  }
}
