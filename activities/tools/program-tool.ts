import { ToolError } from '../../agents/define-tool.ts';
import type { Json } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { PROGRAM_TOOL, toolsOfPrograms } from '../../core/tools/program-tools.ts';
import type { ProgramLimits } from '../../sandbox/program.ts';
import { runProgram } from '../../sandbox/run-program.ts';
import { readProgram } from '../../store/programs/read-program.ts';
import { suspendProgram } from '../../store/programs/suspend-program.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { ClaimedCall, SuspendableExecution, ToolRun } from './claimed-call.ts';
import { ProgramCalls } from './program-calls.ts';

const PROGRAM_LIMITS: ProgramLimits = {
  memoryBytes: LIMITS.programMemoryBytes.value,
  computeMs: LIMITS.programComputeMs.value,
  calls: LIMITS.programCalls.value,
  jsonCharacters: LIMITS.toolArgumentsBytes.value,
  logCharacters: LIMITS.programLogCharacters.value,
};

/** The execution of a call that is a program of the model; null for other calls, whose tools have code of their own. */
export function programExecution(deps: ActivityDeps, run: ToolRun, call: ClaimedCall): SuspendableExecution | null {
  if (call.tool !== PROGRAM_TOOL || run.agent.spec.codeMode === undefined) return null;
  let calls: ProgramCalls | null = null;
  return {
    code: async (args, { signal }) => {
      const { callId } = call;
      const { key, runId } = run;
      const { calledAt, calls: recorded } = await readProgram(deps.db, key, { runId, callId });
      calls = new ProgramCalls(deps, { ...run, signal }, callId, recorded);
      return await execute(calls, run, call, { source: (args as { source: string }).source, now: calledAt, signal });
    },
    waitsFor: () => calls?.waitsFor ?? [],
    suspend: async () =>
      await suspendProgram(deps.db, run.key, {
        runId: run.runId,
        program: call.callId,
        waitsFor: calls?.waitsFor ?? [],
      }),
  };
}

/** Executes a program. What an earlier execution has done is not done again: the program gets the outcomes that it had. */
async function execute(
  calls: ProgramCalls,
  { agent }: ToolRun,
  { idempotencyKey }: ClaimedCall,
  { source, now, signal }: { readonly source: string; readonly now: string; readonly signal: AbortSignal },
): Promise<Json> {
  const tools = toolsOfPrograms(agent).map(({ name }) => name);
  const seed = Number.parseInt(idempotencyKey.slice(0, 8), 16) | 0;
  try {
    const outcome = await runProgram({ source, tools, now, seed }, PROGRAM_LIMITS, {
      call: (call) => calls.make(call),
      onWait: (settled) => calls.onWait(settled),
      signal,
    });
    const { logs } = outcome;
    if (outcome.status === 'completed')
      return logs.length > 0 ? { result: outcome.result, logs: [...logs] } : outcome.result;
    throw new ToolError([outcome.error, ...(logs.length > 0 ? ['Its output:', ...logs] : [])].join('\n'));
  } finally {
    // No call may be in progress when the program has its outcome.
    await calls.ended();
  }
}
