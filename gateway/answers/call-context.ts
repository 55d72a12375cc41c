import { PerdureError } from '../../contracts/errors.ts';
import type { AgentVersion } from '../../contracts/agent.ts';
import { providersListed } from '../../contracts/session/history.ts';
import type { CallContext, ContextRecord } from '../../contracts/session/call-context.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { contextUnits } from '../../core/conversation/context-units.ts';
import { chosenUnits, countOmitted } from '../../core/conversation/select-context.ts';
import { transcript } from '../../core/conversation/transcript.ts';
import { outputState } from '../../core/output/output-state.ts';
import { contextRunsOf } from '../../core/policy.ts';
import {
  estimateInputTokens,
  estimateMessageTokens,
  estimatePartTokens,
  estimateTextTokens,
} from '../../models/estimate-tokens.ts';
import { applyChanges } from '../../models/changed-context.ts';
import { composeContext, requestOf, type Continuation, type ModelContext } from '../../models/model-context.ts';
import { contributionsIn, readContextCalls } from '../../store/context/read-context-calls.ts';
import { readPastAgentVersion } from '../../store/runs/agent-versions.ts';
import { readModelCall, type CallName, type ModelCall } from '../../store/read/read-model-call.ts';
import { readPastContext } from '../../store/read/read-past-context.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { requireRun } from './require-session.ts';

/** What a model call of a run was given, composed again from the store. Throws `not_found`. */
export async function callContext(
  { db, deployment }: Pick<GatewayDeps, 'db' | 'deployment'>,
  key: SessionKey,
  runId: string,
  name: CallName,
): Promise<CallContext> {
  const call = await readModelCall(db, key, runId, name);
  if (call === null) throw await noSuchCall(db, key, runId, name);
  const agent = await readPastAgentVersion(db, key, call.agentVersion);
  if (agent === null) {
    throw new PerdureError(
      'not_found',
      `The agent version ${call.agentVersion} of the run is not in the store, so what its model calls were given cannot be composed.`,
    );
  }
  const record = call.context ?? recordOf(call, agent, deployment);
  const contributions =
    agent.spec.mcp !== undefined || providersListed(agent.spec).length > 0
      ? contributionsIn(await readContextCalls(db, key, runId))
      : [];
  const { runs, background } = await readPastContext(db, key, { runId, ...record });
  const { startedSeq = 0, events: own = [] } = runs.at(-1) ?? {};
  const shown = runs.map((run) => ({ ...run, entries: transcript(run.events) }));
  const units = contextUnits({ runs: shown, background }, () => 0);
  const chosen = record.chosen ? chosenUnits(units, runId, record.chosen) : units;
  const { step, attempt, model, outcome, inputTokens } = call;
  const composed = composeContext(agent, {
    step,
    recovered: record.recovered ?? null,
    model,
    schema: outputState(own, startedSeq).schema,
    contributions,
    entries: chosen.flatMap(({ entries }) => entries),
    summary: background?.summary ?? null,
    omitted: countOmitted(units, chosen),
    continuation: continuationOf(record, runs),
  });
  const { changed } = record;
  const changesOmitted = changed !== undefined && 'omitted' in changed;
  const given = changed === undefined || 'omitted' in changed ? composed : applyChanges(composed, changed);
  const { maxOutputTokens = given.parameters.maxOutputTokens } = record;
  const context = { ...given, parameters: { ...given.parameters, maxOutputTokens } };
  return {
    sessionId: key.session,
    runId,
    step,
    attempt,
    outcome,
    agent: call.agent,
    agentVersion: call.agentVersion,
    model,
    recorded: call.context !== null,
    ...measured(context),
    ...(context.conversation && record.continuation
      ? { conversation: { ...record.continuation, previous: context.conversation.previous } }
      : {}),
    ...(changesOmitted ? { changesOmitted } : {}),
    tokens: { estimated: estimateInputTokens(requestOf(context, model)), reported: inputTokens },
  };
}

/** How a call continued the conversation that its provider keeps. The id is that of the reply after which it went on. */
function continuationOf(
  { continuation }: ContextRecord,
  runs: readonly { readonly events: readonly PerdureEvent[] }[],
): Continuation | undefined {
  const after = continuation?.after;
  if (!after) return continuation && { ...continuation, previous: null };
  const reply = runs
    .flatMap(({ events }) => events)
    .find((event) => event.type === 'message.completed' && event.runId === after.runId && event.step === after.step);
  const kept = reply?.type === 'message.completed' ? reply.providerConversation : undefined;
  if (!kept) return { ...continuation, previous: null };
  const { model: _, ...previous } = kept;
  return { ...continuation, previous };
}

/** The record of a call that has none, by the settings of today. */
function recordOf(
  { throughSeq, policy }: ModelCall,
  { spec }: AgentVersion,
  deployment: GatewayDeps['deployment'],
): ContextRecord {
  return { throughSeq, runs: contextRunsOf(spec, deployment.policy, spec.policy, policy) };
}

function measured({ instructions, messages, tools, parameters }: ModelContext) {
  return {
    instructions: instructions.map((part) => ({ ...part, tokens: estimateTextTokens(part.text) })),
    messages: messages.map(({ origin, message }) => ({
      origin,
      tokens: estimateMessageTokens(message),
      message: message.role === 'assistant' ? { ...message, toolCalls: [...message.toolCalls] } : message,
    })),
    tools: tools.map(({ origin, tool }) => ({ origin, tokens: estimatePartTokens(tool), tool })),
    parameters,
  } as Pick<CallContext, 'instructions' | 'messages' | 'tools' | 'parameters'>;
}

async function noSuchCall(
  db: GatewayDeps['db'],
  key: SessionKey,
  runId: string,
  { step, attempt }: CallName,
): Promise<PerdureError> {
  const { steps } = await requireRun(db, key, runId);
  const run = `The run ${JSON.stringify(runId)}`;
  if (steps === 0 && step === undefined) {
    return new PerdureError('not_found', `${run} has made no model call yet.`);
  }
  const of = attempt === undefined ? '' : `, attempt ${attempt}`;
  return new PerdureError(
    'not_found',
    `${run} has no model call in step ${step ?? steps}${of}. Its steps and attempts: \`perdure why\`, or GET /v1/runs/{run}.`,
  );
}
