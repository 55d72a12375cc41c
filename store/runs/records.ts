import type { ModelCallRecord, RunDetail, RunRecord, StepRecord, ToolCallRecord } from '../../contracts/session/run.ts';
import type { ContextCallRecord } from '../../contracts/capabilities/context-provider.ts';
import { usdOf } from '../../core/money/price.ts';
import type { ContextCallRow, ModelCallRow, RunRow, StepRow, ToolCallRow } from '../log/rows.ts';
import { costRecordOf, knownUsageOf, usageOf } from '../log/sums.ts';

// Conversions of rows to the records of the contracts.

/** Converts a time to ISO 8601 UTC: PostgreSQL writes times with an offset in JSON. */
function iso(time: string): string {
  return new Date(time).toISOString();
}

function isoOrNull(time: string | null): string | null {
  return time === null ? null : iso(time);
}

/** Converts a row of `runs`. */
export function runRecordOf(row: RunRow): RunRecord {
  return {
    id: row.run_id,
    status: row.status,
    agent: row.agent,
    agentVersion: row.agent_version,
    model: row.model,
    ...fallbackModelsOf(row),
    ...(row.fallback_models === null ? {} : { answerModel: row.status === 'completed' ? row.answer_model : null }),
    messageIds: row.message_ids,
    createdAt: iso(row.created_at),
    startedAt: isoOrNull(row.started_at),
    endedAt: isoOrNull(row.ended_at),
    steps: row.steps,
    usage: usageOf(row),
    ...knownUsageOf(row),
    ...costRecordOf(row),
    // The answer of a run is recorded before the run is completed, if context providers are called after it.
    output: row.status === 'completed' ? row.output : null,
    ...(row.object && row.status === 'completed' ? { object: row.object } : {}),
    error: row.error,
  };
}

/** The field of a run with more than one model. */
export function fallbackModelsOf({ fallback_models: models }: RunRow): { readonly fallbackModels?: string[] } {
  // Null, or undefined in rows that were read before the column was added.
  return models ? { fallbackModels: models } : {};
}

/** A run with the rows that belong to it. */
export interface RunParts {
  readonly run: RunRow;
  readonly steps: readonly StepRow[];
  readonly calls: readonly ToolCallRow[];
  readonly modelCalls: readonly ModelCallRow[];
  /** Null if the agent lists no context provider. */
  readonly contextCalls: readonly ContextCallRow[] | null;
}

/** SQL for the column of {@link RunParts} of the run `r`, with the session's key as `$1` and `$2`. */
export const CONTEXT_CALLS = `
  CASE WHEN r.context IS NOT NULL THEN
       (SELECT coalesce(json_agg(x ORDER BY x.phase = 'after', x.position), '[]') FROM perdure.context_calls x
         WHERE x.user_id = $1 AND x.session_id = $2 AND x.run_id = r.run_id) END AS "contextCalls"`;

/** Converts a run with its steps, tool calls and model calls. */
export function runDetailOf({ run, steps, calls, modelCalls, contextCalls }: RunParts): RunDetail {
  return {
    ...runRecordOf(run),
    stepList: steps.map(stepRecordOf),
    toolCalls: calls.map((call) => ({ ...toolCallRecordOf(call), ...serverOf(call, contextCalls ?? []) })),
    modelCalls: modelCalls.map(modelCallRecordOf),
    ...(contextCalls ? { contextCalls: contextCalls.map((call) => contextCallRecordOf(call, run)) } : {}),
    ...(isLeft(run) ? { background: 'pending' } : {}),
  };
}

/** Whether calls of `afterRun` are left for the background. */
function isLeft({ status, context }: RunRow): boolean {
  return status === 'completed' && context?.background === true;
}

/** The MCP server of a tool that the run has from one. */
function serverOf({ tool }: ToolCallRow, contextCalls: readonly ContextCallRow[]): { readonly server?: string } {
  const tools = contextCalls.flatMap(({ contribution }) => contribution?.tools ?? []);
  const server = tools.find(({ name }) => name === tool)?.mcp?.server;
  return server === undefined ? {} : { server };
}

function contextCallRecordOf(row: ContextCallRow, run: RunRow): ContextCallRecord {
  const { provider, phase, attempts, error, contribution } = row;
  const isOver = run.ended_at !== null && !(phase === 'after' && isLeft(run));
  const status = row.status === 'running' && isOver ? 'cancelled' : row.status;
  const { instructions = '', messages = [], tools = [], leftOut = [] } = contribution ?? {};
  const contributed = {
    instructionsCharacters: instructions.length,
    messages: messages.length,
    tools: tools.map(({ name }) => name),
    ...(leftOut.length > 0 ? { leftOut: [...leftOut] } : {}),
  };
  return {
    provider,
    phase,
    status,
    attempts,
    error,
    startedAt: iso(row.started_at),
    endedAt: isoOrNull(row.ended_at),
    ...(phase === 'before' ? { contributed } : {}),
  };
}

function modelCallRecordOf(row: ModelCallRow): ModelCallRecord {
  return {
    ...(row.kind ? { kind: row.kind } : {}),
    step: row.step,
    attempt: row.attempt,
    agent: row.agent,
    model: row.model,
    answeredBy: row.answered_by,
    outcome: row.outcome,
    errorCode: row.error_code,
    retryAt: isoOrNull(row.retry_at ?? null),
    ...(row.gave_up ? { gaveUp: true } : {}),
    providerMessage: row.provider_message,
    startedAt: iso(row.started_at),
    endedAt: isoOrNull(row.ended_at),
    firstTokenMs: row.first_token_ms,
    durationMs: row.duration_ms,
    usage: usageOf(row),
    costUsd: usdOf(row.cost_nanos),
    priceSource: row.price_source,
    priceDate: row.price_date,
    reservedUsd: usdOf(row.reserved_nanos),
    reservedTokens: row.reserved_tokens,
    estimate: estimateOf(row),
  };
}

/** The estimate that a settled call is charged. */
function estimateOf(row: ModelCallRow): ModelCallRecord['estimate'] {
  const { outcome, estimated_input_tokens: inputTokens, estimated_output_tokens: outputTokens } = row;
  if (outcome === 'running' || (inputTokens === null && row.estimated_nanos === null)) return null;
  return { inputTokens, outputTokens, costUsd: usdOf(row.estimated_nanos) };
}

/** Converts a row of `tool_calls`. */
export function toolCallRecordOf(row: ToolCallRow): ToolCallRecord {
  return {
    callId: row.call_id,
    tool: row.tool,
    ...(row.program === null ? {} : { program: row.program }),
    step: row.step,
    status: row.status,
    arguments: row.arguments,
    result: row.result,
    error: row.error,
    idempotencyKey: row.idempotency_key,
    attempts: row.attempts,
    startedAt: isoOrNull(row.started_at),
    endedAt: isoOrNull(row.ended_at),
  };
}

function stepRecordOf(row: StepRow): StepRecord {
  return {
    step: row.step,
    attempts: row.attempts,
    committed: row.committed,
    model: row.model,
    finish: row.finish,
    usage: row.usage,
    startedAt: iso(row.started_at),
    endedAt: isoOrNull(row.ended_at),
    firstTokenMs: row.first_token_ms,
  };
}
