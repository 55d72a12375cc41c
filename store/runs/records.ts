import type { ModelCallRecord, RunDetail, RunRecord, StepRecord, ToolCallRecord } from '../../contracts/session/run.ts';
import { usdOf } from '../../core/money/price.ts';
import { costRecordOf, usageOf, type ModelCallRow, type RunRow, type StepRow, type ToolCallRow } from '../log/rows.ts';

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
    messageIds: row.message_ids,
    createdAt: iso(row.created_at),
    startedAt: isoOrNull(row.started_at),
    endedAt: isoOrNull(row.ended_at),
    steps: row.steps,
    usage: usageOf(row),
    ...costRecordOf(row),
    output: row.output,
    error: row.error,
  };
}

/** A run with the rows that belong to it. */
export interface RunParts {
  readonly run: RunRow;
  readonly steps: readonly StepRow[];
  readonly calls: readonly ToolCallRow[];
  readonly modelCalls: readonly ModelCallRow[];
}

/** Converts a run with its steps, tool calls and model calls. */
export function runDetailOf({ run, steps, calls, modelCalls }: RunParts): RunDetail {
  return {
    ...runRecordOf(run),
    stepList: steps.map(stepRecordOf),
    toolCalls: calls.map(toolCallRecordOf),
    modelCalls: modelCalls.map(modelCallRecordOf),
  };
}

function modelCallRecordOf(row: ModelCallRow): ModelCallRecord {
  return {
    step: row.step,
    attempt: row.attempt,
    agent: row.agent,
    model: row.model,
    answeredBy: row.answered_by,
    outcome: row.outcome,
    errorCode: row.error_code,
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
  };
}

/** Converts a row of `tool_calls`. */
export function toolCallRecordOf(row: ToolCallRow): ToolCallRecord {
  return {
    callId: row.call_id,
    tool: row.tool,
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
