import { ApplicationFailure } from '@temporalio/activity';
import type { AgentVersion } from '../../contracts/agent.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { ToolCallRequest } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { idempotencyKey } from '../../core/tools/idempotency-key.ts';
import { placeTool } from '../../core/tools/tool-placement.ts';
import type { CommittedCall } from '../../store/runs/commit-step.ts';
import type { ToolTask } from '../shared/contract.ts';
import type { ClaimedCall } from '../tools/call-tool.ts';

/** A step's calls that are not refused, by where they run. */
export interface PlacedCalls {
  readonly inPlace: readonly ClaimedCall[];
  readonly own: readonly ToolTask[];
}

export interface JudgedBy {
  readonly agent: AgentVersion;
  readonly policy: { readonly stepsPerActivity: number };
  /** Call ids of the run so far; grows. */
  readonly taken: Set<string>;
  /** Whether this worker can run the tool: one that cannot leaves it to an activity of its own, which finds one that can. */
  readonly hasCode: (tool: string) => boolean;
}

/**
 * Each call with where it runs, or why it is refused; a refusal is told to the model as the call's error.
 * Some models count their call ids anew in each step: an id that the run has used gets a suffix.
 */
export function judgeCalls(
  requests: readonly ToolCallRequest[],
  { agent, policy, taken, hasCode }: JudgedBy,
): CommittedCall[] {
  const most = LIMITS.toolCallsPerStep.value;
  if (requests.length > most) {
    throw ApplicationFailure.nonRetryable(
      `The model asked for ${requests.length} tool calls at once; the limit is ${most}.`,
      'too_many_tool_calls',
    );
  }
  const known = agent.tools.map(({ name }) => name).join(', ') || 'none';
  return requests.map(({ callId, tool: name, arguments: args, malformed }) => {
    const tool = agent.tools.find((one) => one.name === name);
    const refused = !tool
      ? `There is no tool ${JSON.stringify(name)}. Available: ${known}.`
      : malformed && `The arguments were not accepted: ${malformed}. Send one JSON object.`;
    return {
      callId: freshId(callId, taken),
      tool: name,
      arguments: args,
      refused,
      idempotent: tool?.idempotent ?? true,
      inPlace: tool !== undefined && !refused && hasCode(name) && placeTool(tool, policy) === 'in-place',
    };
  });
}

/** The accepted calls, ready to run. */
export function placeCalls(
  calls: readonly CommittedCall[],
  { key, runId, agent, step }: { key: SessionKey; runId: string; agent: AgentVersion; step: number },
): PlacedCalls {
  const accepted = calls.filter(({ refused }) => refused === null);
  return {
    inPlace: accepted
      .filter(({ inPlace }) => inPlace)
      .map(({ callId, tool, arguments: args }) => ({
        callId,
        tool,
        step,
        arguments: args,
        idempotencyKey: idempotencyKey(key, runId, callId),
        attempt: 1,
      })),
    own: accepted
      .filter(({ inPlace }) => !inPlace)
      .map(({ callId, tool }) => ({
        callId,
        tool,
        timeoutMs: agent.tools.find(({ name }) => name === tool)?.timeoutMs ?? LIMITS.toolMs.value,
      })),
  };
}

function freshId(callId: string, taken: Set<string>): string {
  let id = callId;
  for (let suffix = 2; taken.has(id); suffix++) id = `${callId}-${suffix}`;
  taken.add(id);
  return id;
}
