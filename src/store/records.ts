import type { RunDetail, RunRecord, StepRecord, ToolCallRecord } from '../contracts/run.ts';
import { usageOf, type RunRow, type StepRow, type ToolCallRow } from './rows.ts';

// Rows as the contracts say them.

/** A time as ISO 8601 UTC: PostgreSQL writes it with an offset in JSON. */
function iso(time: string): string {
  return new Date(time).toISOString();
}

function isoOrNull(time: string | null): string | null {
  return time === null ? null : iso(time);
}

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
    output: row.output,
    error: row.error,
  };
}

export function runDetailOf(run: RunRow, steps: readonly StepRow[], calls: readonly ToolCallRow[]): RunDetail {
  return { ...runRecordOf(run), stepList: steps.map(stepRecordOf), toolCalls: calls.map(toolCallRecordOf) };
}

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
