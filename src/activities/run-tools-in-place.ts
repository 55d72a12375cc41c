import { setTimeout as delay } from 'node:timers/promises';
import { finishTools, type ToolResult } from '../store/finish-tools.ts';
import { callTool, type CallEnvironment, type ClaimedCall } from './call-tool.ts';
import type { ActivityDeps } from './deps.ts';
import { ring } from './ring.ts';

/** Runs quick, idempotent calls side by side and commits their outcomes in one transaction. Throws the signal's reason when stopped. */
export async function runToolsInPlace(
  deps: ActivityDeps,
  env: CallEnvironment,
  calls: readonly ClaimedCall[],
): Promise<void> {
  const results = await Promise.all(calls.map((call) => untilOutcome(deps, env, call)));
  const { events } = await finishTools(deps.db, env.key, { runId: env.runId, results });
  ring(deps.live, env.key, events);
}

async function untilOutcome(deps: ActivityDeps, env: CallEnvironment, first: ClaimedCall): Promise<ToolResult> {
  for (let call = first; ; call = { ...call, attempt: call.attempt + 1 }) {
    const tried = await callTool(deps, env, call);
    const { callId, attempt: attempts } = call;
    if (tried.kind === 'outcome') return { callId, outcome: tried.outcome, durationMs: tried.durationMs, attempts };
    env.signal.throwIfAborted();
    if (tried.kind === 'again')
      await delay(tried.delayMs, undefined, { signal: env.signal }).catch(() => env.signal.throwIfAborted());
  }
}
