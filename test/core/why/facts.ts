import type { RunRecord, StepRecord, ToolCallRecord } from '../../../contracts/session/run.ts';
import type { ModelCallFact, RunFacts } from '../../../core/why/run-facts.ts';

const START = Date.UTC(2026, 0, 1);

/** A time in ms of the run. */
export function at(ms: number): string {
  return new Date(START + ms).toISOString();
}

const USAGE = { inputTokens: 10, outputTokens: 5, cachedTokens: 0, reasoningTokens: 0 };

export function run(overrides: Partial<RunRecord> = {}): RunRecord {
  return {
    id: 'run-1',
    status: 'completed',
    agent: 'assistant',
    agentVersion: 'v1',
    model: 'test/one',
    messageIds: ['m1'],
    createdAt: at(0),
    startedAt: at(100),
    endedAt: at(1_000),
    steps: 1,
    usage: USAGE,
    costUsd: null,
    knownCostUsd: 0,
    unpricedCalls: 1,
    knownUsage: USAGE,
    unmeteredCalls: 0,
    estimatedCalls: 0,
    estimatedInputTokens: 0,
    estimatedOutputTokens: 0,
    estimatedCostUsd: 0,
    output: 'done',
    error: null,
    ...overrides,
  };
}

export function step(overrides: Partial<StepRecord> = {}): StepRecord {
  return {
    step: 1,
    attempts: 1,
    committed: true,
    model: 'one',
    finish: 'stop',
    usage: USAGE,
    startedAt: at(100),
    endedAt: at(1_000),
    firstTokenMs: 200,
    ...overrides,
  };
}

export function toolCall(overrides: Partial<ToolCallRecord> = {}): ToolCallRecord {
  return {
    callId: 'c1',
    tool: 'clock',
    step: 1,
    status: 'completed',
    arguments: {},
    result: 'noon',
    error: null,
    idempotencyKey: 'k',
    attempts: 1,
    startedAt: at(300),
    endedAt: at(400),
    ...overrides,
  };
}

export function modelCall(overrides: Partial<ModelCallFact> = {}): ModelCallFact {
  return {
    step: 1,
    attempt: 1,
    model: 'one',
    startedAt: at(100),
    endedAt: at(1_000),
    outcome: 'completed',
    error: null,
    firstTokenMs: 200,
    usage: USAGE,
    costUsd: 0.01,
    ...overrides,
  };
}

export function facts(overrides: Partial<RunFacts> = {}): RunFacts {
  return {
    sessionId: 'main',
    run: run(),
    steps: [step()],
    toolCalls: [],
    periods: [{ startedAt: at(100), endedAt: at(1_000), ending: 'completed' }],
    replies: [{ step: 1, durationMs: 890 }],
    modelCalls: [],
    waits: [],
    ahead: null,
    now: at(5_000),
    ...overrides,
  };
}
