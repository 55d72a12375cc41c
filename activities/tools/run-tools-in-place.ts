import { setTimeout as delay } from 'node:timers/promises';
import type { ToolResult } from '../../store/runs/finish-tools.ts';
import { callTool, type CallEnvironment, type ClaimedCall } from './call-tool.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** Runs quick, idempotent calls side by side; the caller commits their outcomes. Throws the signal's reason when stopped. */
export async function runToolsInPlace(
  deps: ActivityDeps,
  env: CallEnvironment,
  calls: readonly ClaimedCall[],
): Promise<ToolResult[]> {
  return await Promise.all(calls.map((call) => untilOutcome(deps, env, call)));
}

async function untilOutcome(deps: ActivityDeps, env: CallEnvironment, first: ClaimedCall): Promise<ToolResult> {
  let workedMs = 0;
  for (let call = first; ; call = { ...call, attempt: call.attempt + 1 }) {
    const tried = await callTool(deps, env, call);
    const { callId, attempt: attempts } = call;
    if (tried.kind !== 'stopped') workedMs += tried.durationMs;
    if (tried.kind === 'outcome') {
      return { callId, outcome: tried.outcome, durationMs: tried.durationMs, workedMs, attempts };
    }
    env.signal.throwIfAborted();
    if (tried.kind === 'again')
      await delay(tried.delayMs, undefined, { signal: env.signal }).catch(() => env.signal.throwIfAborted());
  }
}
