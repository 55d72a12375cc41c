/** The definition of a metric. */
export interface MetricDefinition<L extends string = string> {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Low-cardinality dimensions. Never a user, a session or content. */
  readonly labels: readonly L[];
  /** The upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** The buckets that the semantic conventions give for a model call. */
const CALL_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/** A run may queue behind others and use all of its time limit. */
const RUN_SECONDS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 45, 90, 180, 300, 900, 3_600];
const WAIT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800];
/** People answer after seconds, and after days. */
const ANSWER_SECONDS = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 259_200, 604_800];
const HTTP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** The buckets that the semantic conventions give for token usage: powers of four. */
const TOKENS = Array.from({ length: 14 }, (_, power) => 4 ** power);

const CALL = [
  'gen_ai_operation_name',
  'gen_ai_provider_name',
  'gen_ai_request_model',
  'gen_ai_response_model',
] as const;

/**
 * Every metric of Perdure, by its name in code; docs/observability.md lists them. `gen_ai_*` follow OpenTelemetry's semantic
 * conventions for generative AI (https://github.com/open-telemetry/semantic-conventions-genai), in Prometheus' naming.
 */
export const CATALOGUE = {
  modelTokens: histogram(
    'gen_ai_client_token_usage',
    'Tokens of a model call.',
    [...CALL, 'gen_ai_token_type'],
    TOKENS,
  ),
  modelSeconds: histogram(
    'gen_ai_client_operation_duration_seconds',
    'Duration of a model call.',
    [...CALL, 'error_type'],
    CALL_SECONDS,
  ),
  modelFirstChunkSeconds: histogram(
    'gen_ai_client_operation_time_to_first_chunk_seconds',
    'Time to the first chunk of a streamed model call.',
    CALL,
    CALL_SECONDS,
  ),
  toolSeconds: histogram(
    'gen_ai_execute_tool_duration_seconds',
    'Duration of one attempt of a tool call.',
    ['gen_ai_tool_name', 'error_type'],
    CALL_SECONDS,
  ),
  contextSeconds: histogram(
    'perdure_context_provider_duration_seconds',
    'Duration of one attempt of a call of a context provider.',
    ['provider', 'phase', 'outcome'],
    CALL_SECONDS,
  ),
  mcpCalls: counter('perdure_mcp_calls_total', 'Calls of tools of MCP servers by outcome.', ['server', 'outcome']),
  mcpConnections: gauge('perdure_mcp_connections', 'Open connections of this process to MCP servers.', ['server']),
  messages: counter('perdure_messages_total', 'Messages by outcome.', ['agent', 'outcome']),
  accepted: counter(
    'perdure_messages_accepted_total',
    'Messages accepted by the gateway while no worker took work.',
    [],
  ),
  runs: counter('perdure_runs_total', 'Runs that ended.', ['agent', 'outcome']),
  runSeconds: histogram(
    'perdure_run_duration_seconds',
    'Time from the admission of a run to its end.',
    ['agent', 'outcome'],
    RUN_SECONDS,
  ),
  queueSeconds: histogram(
    'perdure_run_queue_wait_seconds',
    'Time from the admission of a run to its start.',
    ['agent'],
    WAIT_SECONDS,
  ),
  tokens: counter('perdure_tokens_total', 'Tokens of committed model calls.', ['agent', 'type']),
  costUsd: counter('perdure_cost_usd_total', 'Cost in USD of model calls with a known price.', ['agent', 'model']),
  budgetWarnings: counter('perdure_budget_warnings_total', 'Budget warnings.', ['scope', 'unit', 'kind']),
  toolCalls: counter('perdure_tool_calls_total', 'Tool calls that ended.', ['tool', 'outcome']),
  errors: counter('perdure_errors_total', 'Errors by source.', ['agent', 'source', 'type']),
  uncaughtErrors: counter('perdure_uncaught_errors_total', 'Errors that no code caught.', ['tool']),
  modelFallbacks: counter(
    'perdure_model_fallbacks_total',
    "Models that gave no answer, so that another one of their agent's was asked, by reason.",
    ['agent', 'model', 'reason'],
  ),
  summaries: counter('perdure_summaries_total', 'Summaries of older messages, by what became of them.', [
    'agent',
    'outcome',
  ]),
  keptDeletions: counter(
    'perdure_kept_conversation_deletions_total',
    'Requests to delete what providers keep of deleted sessions, by outcome.',
    ['provider', 'outcome'],
  ),
  memorySearchSeconds: histogram(
    'perdure_memory_search_duration_seconds',
    'Duration of searches of long-term memory, by how they were made.',
    ['mode', 'outcome'],
    CALL_SECONDS,
  ),
  memoriesExtracted: counter(
    'perdure_memories_extracted_total',
    'Memories that context providers have returned after runs, by what became of them.',
    ['provider', 'outcome'],
  ),
  rejectedAnswers: counter(
    'perdure_answers_rejected_total',
    'Answers that did not match their schema, by what followed.',
    ['agent', 'model', 'outcome'],
  ),
  retries: counter('perdure_retries_total', 'Retries by source.', ['source']),
  activeSessions: gauge('perdure_sessions_active', 'Active sessions.', []),
  openRuns: gauge('perdure_runs_open', 'Open runs by status.', ['status']),
  oldestQueuedSeconds: gauge(
    'perdure_run_queue_oldest_seconds',
    'Age of the oldest queued run that is first in its session; 0 without one.',
    [],
  ),
  inboxPending: gauge('perdure_inbox_pending', 'Approvals and client calls that wait for an answer.', ['kind']),
  inboxOldestSeconds: gauge(
    'perdure_inbox_oldest_seconds',
    'Age of the oldest approval or client call that waits for an answer; 0 without one.',
    ['kind'],
  ),
  inboxAnswers: counter('perdure_inbox_answers_total', 'Approvals and client calls that were settled, by outcome.', [
    'kind',
    'outcome',
  ]),
  inboxSeconds: histogram(
    'perdure_inbox_answer_seconds',
    'Time from the request of an approval or a client call to its answer.',
    ['kind', 'outcome'],
    ANSWER_SECONDS,
  ),
  workers: gauge('perdure_workers', 'Workers that take work.', []),
  providerCircuit: gauge(
    'perdure_provider_circuit_state',
    "State of a provider's circuit: 0 closed, 1 half open, 2 open.",
    ['provider'],
  ),
  pauses: gauge('perdure_pauses', 'Pauses that operators have set, by what they cover.', ['kind']),
  providerInFlight: gauge('perdure_provider_in_flight', 'Calls in flight at a provider with limits.', ['provider']),
  providerWaiting: gauge('perdure_provider_waiting', 'Runs waiting for a provider.', ['provider']),
  providerWaits: counter('perdure_provider_waits_total', 'Waits of runs for their provider, by reason.', [
    'provider',
    'kind',
  ]),
  providerWaitSeconds: histogram(
    'perdure_provider_wait_seconds',
    'Time that a model call waited for its provider, if it waited.',
    ['provider'],
    WAIT_SECONDS,
  ),
  redisUp: gauge('perdure_redis_up', 'Whether this process uses Redis now. Absent without REDIS_URL.', []),
  redisOutages: counter('perdure_redis_outages_total', 'Times at which Redis ceased to respond.', []),
  redisContexts: counter(
    'perdure_redis_contexts_total',
    "Reads and writes of copies of sessions' contexts in Redis, by outcome.",
    ['outcome'],
  ),
  redisTexts: counter('perdure_redis_texts_total', 'Reads of streaming text in Redis, by outcome.', ['outcome']),
  estimatedWaitSeconds: gauge(
    'perdure_gateway_estimated_wait_seconds',
    'Estimated time until all runs that wait have begun; 0 while runs begin in time.',
    [],
  ),
  overloadRefusals: counter(
    'perdure_gateway_overload_refusals_total',
    'Messages refused because their run could not begin in time, by reason.',
    ['reason'],
  ),
  openStreams: gauge('perdure_gateway_open_streams', 'Open event streams and requests that wait for a run.', []),
  followedSessions: gauge('perdure_gateway_followed_sessions', 'Sessions with at least one reader.', []),
  answers: counter('perdure_gateway_answers_total', 'HTTP responses by status.', ['status']),
  httpSeconds: histogram(
    'http_server_request_duration_seconds',
    'Time from an HTTP request to the head of its response.',
    ['http_request_method', 'http_route', 'http_response_status_code'],
    HTTP_SECONDS,
  ),
} as const satisfies Record<string, MetricDefinition>;

function counter<L extends string>(name: string, help: string, labels: readonly L[]) {
  return { name, type: 'counter', help, labels } as const;
}

function gauge<L extends string>(name: string, help: string, labels: readonly L[]) {
  return { name, type: 'gauge', help, labels } as const;
}

function histogram<L extends string>(name: string, help: string, labels: readonly L[], buckets: readonly number[]) {
  return { name, type: 'histogram', help, labels, buckets } as const;
}
