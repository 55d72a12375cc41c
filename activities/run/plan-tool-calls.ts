import { ApplicationFailure } from '@temporalio/activity';
import { LIMITS } from '../../contracts/limits.ts';
import type { ToolCallRequest } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { PROGRAM_TOOL, toolsForModel } from '../../core/tools/program-tools.ts';
import { isNestedDeeper } from '../../core/tools/is-nested-deeper.ts';
import { idempotencyKey } from '../../core/tools/idempotency-key.ts';
import { sanitizeText } from '../../store/db/sanitize.ts';
import type { CommittedCall } from '../../store/steps/new-calls.ts';
import type { ToolTask } from '../shared/contract.ts';
import type { ClaimedCall } from '../tools/claimed-call.ts';
import type { PlanChild } from './plan-children.ts';
import { callPlacement, type PlacedCall, type ToolScope } from './call-placement.ts';

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
  /** Plans the calls that agents execute. Null: there are none. */
  readonly planChild?: PlanChild | null;
}

/**
 * Decides for each call of a reply where it is executed, or why it is refused; the model gets the refusal as the call's error.
 * Some models restart their call ids in each step: an id that the run has used gets a suffix. What the store cannot hold is
 * replaced. Throws
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
  { callId: wanted, tool, arguments: sent, malformed }: ToolCallRequest,
  scope: StepScope,
  usedIds: Set<string>,
): { readonly call: CommittedCall; readonly placed: PlacedCall } {
  const { agent } = scope;
  const maxDepth = LIMITS.toolArgumentsDepth.value;
  const tooDeep = isNestedDeeper(sent, maxDepth);
  const args = tooDeep ? {} : sent;
  const problem = tooDeep ? `they are nested on more than ${maxDepth} levels` : malformed;
  const spec = agent.tools.find(({ name }) => name === tool);
  const forModel = toolsForModel(agent);
  const available = forModel.map(({ name }) => name).join(', ') || 'none';
  const refused = !spec
    ? `There is no tool ${JSON.stringify(tool)}. Available: ${available}.`
    : !forModel.some(({ name }) => name === tool)
      ? `The tool ${JSON.stringify(tool)} can be called only in a program: see ${PROGRAM_TOOL}.`
      : problem && `The arguments were not accepted: ${problem}. Send one JSON object.`;
  const callId = unusedId(sanitizeText(wanted.slice(0, LIMITS.toolCallIdCharacters.value)), usedIds);
  const common = { callId, tool, arguments: args, idempotent: spec?.idempotent ?? true };
  const planned =
    refused === null && spec?.agent ? scope.planChild?.({ tool, agent: spec.agent, callId, arguments: args }) : null;
  if (planned) {
    const child = 'refused' in planned ? planned : { refused: null, child: planned };
    return { call: { ...common, inPlace: false, ...child }, placed: { placement: 'none' } };
  }
  const placed = callPlacement(scope, { callId, tool, refused: refused !== null, lost: false });
  return { call: { ...common, refused, inPlace: placed.placement === 'in-place' }, placed };
}

/** The id, or the id with the first free suffix. Adds it to `usedIds`. A slash is only in the ids of the calls of programs. */
function unusedId(wanted: string, usedIds: Set<string>): string {
  const base = wanted.replaceAll('/', '_');
  let id = base;
  for (let suffix = 2; usedIds.has(id); suffix++) id = `${base}-${suffix}`;
  usedIds.add(id);
  return id;
}
