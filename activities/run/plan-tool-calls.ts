import { ApplicationFailure } from '@temporalio/activity';
import { LIMITS } from '../../contracts/limits.ts';
import type { ToolCallRequest } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { idempotencyKey } from '../../core/tools/idempotency-key.ts';
import type { CommittedCall } from '../../store/runs/commit-step.ts';
import type { ToolTask } from '../shared/contract.ts';
import type { ClaimedCall } from '../tools/call-tool.ts';
import { callPlacement, type ToolScope } from './call-placement.ts';

/** The tool calls of a reply. */
export interface ToolPlan {
  /** All calls, as they are committed with the reply. */
  readonly calls: readonly CommittedCall[];
  /** Those to execute here after the commit, which claims them. */
  readonly inPlace: readonly ClaimedCall[];
  /** Those that the workflow schedules. */
  readonly ownActivity: readonly ToolTask[];
}

export interface StepScope extends ToolScope {
  readonly key: SessionKey;
  readonly runId: string;
  readonly step: number;
  /** The run's call ids so far. */
  readonly usedIds: ReadonlySet<string>;
}

/**
 * Decides for each call of a reply where it is executed, or why it is refused; the model gets the refusal as the call's error.
 * Some models restart their call ids in each step: an id that the run has used gets a suffix. Throws
 * `too_many_tool_calls`.
 */
export function planToolCalls(requests: readonly ToolCallRequest[], scope: StepScope): ToolPlan {
  const { key, runId, step } = scope;
  const limit = LIMITS.toolCallsPerStep.value;
  if (requests.length > limit) {
    throw ApplicationFailure.nonRetryable(
      `The model asked for ${requests.length} tool calls in one reply; the limit is ${limit}.`,
      'too_many_tool_calls',
    );
  }
  const usedIds = new Set(scope.usedIds);
  const planned = requests.map((request) => planCall(request, scope, usedIds));
  return {
    calls: planned.map(({ call }) => call),
    inPlace: planned.flatMap(({ call: { callId, tool, arguments: args, inPlace } }) =>
      inPlace
        ? [{ callId, tool, step, arguments: args, idempotencyKey: idempotencyKey(key, runId, callId), attempt: 1 }]
        : [],
    ),
    ownActivity: planned.flatMap(({ placed }) => (placed.placement === 'own-activity' ? [placed.task] : [])),
  };
}

function planCall(
  { callId: wanted, tool, arguments: args, malformed }: ToolCallRequest,
  scope: StepScope,
  usedIds: Set<string>,
) {
  const { agent } = scope;
  const spec = agent.tools.find(({ name }) => name === tool);
  const available = agent.tools.map(({ name }) => name).join(', ') || 'none';
  const refused = !spec
    ? `There is no tool ${JSON.stringify(tool)}. Available: ${available}.`
    : malformed && `The arguments were not accepted: ${malformed}. Send one JSON object.`;
  const callId = unusedId(wanted, usedIds);
  const placed = callPlacement(scope, { callId, tool, refused: refused !== null });
  const call: CommittedCall = {
    callId,
    tool,
    arguments: args,
    refused,
    idempotent: spec?.idempotent ?? true,
    inPlace: placed.placement === 'in-place',
  };
  return { call, placed };
}

/** The id, or the id with the first free suffix. Adds it to `usedIds`. */
function unusedId(wanted: string, usedIds: Set<string>): string {
  let id = wanted;
  for (let suffix = 2; usedIds.has(id); suffix++) id = `${wanted}-${suffix}`;
  usedIds.add(id);
  return id;
}
