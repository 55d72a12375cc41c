/** A limit: its value, its unit, and the code of the error when it is exceeded. */
export interface Limit {
  readonly value: number;
  readonly unit: 'bytes' | 'characters' | 'items' | 'ms';
  /** Null when exceeding it has no visible effect. */
  readonly error: 'too_large' | 'invalid_request' | 'queue_full' | 'run_failed' | 'rate_limited' | null;
  /** The description in docs/limits.md. */
  readonly what: string;
}

/** Every limit of the system. Nothing is unbounded. */
export const LIMITS = {
  userBytes: { value: 384, unit: 'bytes', error: 'invalid_request', what: 'a user id, percent-encoded' },
  sessionIdBytes: { value: 384, unit: 'bytes', error: 'invalid_request', what: 'a session id, percent-encoded' },
  messageIdCharacters: { value: 200, unit: 'characters', error: 'invalid_request', what: 'a message id' },
  messageBytes: { value: 256 * 1024, unit: 'bytes', error: 'too_large', what: "a message's content in UTF-8" },
  requestBytes: { value: 2 * 1024 * 1024, unit: 'bytes', error: 'too_large', what: 'the body of an HTTP request' },
  exportBytes: {
    value: 64 * 1024 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: 'a session as one document: export, import, archive',
  },
  metadataBytes: { value: 16 * 1024, unit: 'bytes', error: 'too_large', what: "a session's metadata as JSON" },
  stateBytes: { value: 256 * 1024, unit: 'bytes', error: 'too_large', what: "a session's state as JSON" },
  stateNamespaceBytes: {
    value: 128 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: "one namespace of a session's state as JSON",
  },
  childWorkflows: {
    value: 100,
    unit: 'items',
    error: 'too_large',
    what: 'running workflows started by the tools of one session',
  },
  childArgumentsBytes: {
    value: 512 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: 'the arguments of a workflow that a tool starts, as JSON',
  },
  queuedRuns: { value: 1_000, unit: 'items', error: 'queue_full', what: 'runs waiting in one session' },
  queuedBytes: { value: 16 * 1024 * 1024, unit: 'bytes', error: 'queue_full', what: 'content waiting in one session' },
  stepsPerRun: { value: 50, unit: 'items', error: 'run_failed', what: 'model calls in one run' },
  toolCallsPerStep: { value: 64, unit: 'items', error: 'run_failed', what: 'tool calls asked for by one reply' },
  toolArgumentsBytes: { value: 256 * 1024, unit: 'bytes', error: 'run_failed', what: 'the arguments of one tool call' },
  toolResultBytes: {
    value: 512 * 1024,
    unit: 'bytes',
    error: 'run_failed',
    what: 'the result of one tool call as JSON',
  },
  toolErrorCharacters: {
    value: 2_000,
    unit: 'characters',
    error: 'run_failed',
    what: 'the error of one tool call, cut at its end',
  },
  templateBytes: { value: 256 * 1024, unit: 'bytes', error: 'too_large', what: 'one agent template file' },
  templateFiles: { value: 500, unit: 'items', error: 'invalid_request', what: 'template files in the agents folder' },
  replyCharacters: { value: 2_000_000, unit: 'characters', error: 'run_failed', what: 'the text of one reply' },
  modelSilenceMs: {
    value: 120_000,
    unit: 'ms',
    error: 'run_failed',
    what: "the longest pause in a model's stream",
  },
  runMs: {
    value: 5 * 60_000,
    unit: 'ms',
    error: 'run_failed',
    what: 'the working time of a run, waits left out (default; set per agent)',
  },
  coolDownMs: {
    value: 24 * 3_600_000,
    unit: 'ms',
    error: 'run_failed',
    what: 'the longest cool-down of a provider, whatever it requests',
  },
  providerPlaceMs: {
    value: 10_000,
    unit: 'ms',
    error: 'rate_limited',
    what: 'how long the call of a lost worker keeps its place at the provider',
  },
  providerWaitMs: {
    value: 3_600_000,
    unit: 'ms',
    error: 'run_failed',
    what: 'how long a call waits for its provider (default; policy `maxWaitMs`)',
  },
  inPlaceToolMs: {
    value: 10_000,
    unit: 'ms',
    error: 'invalid_request',
    what: 'the longest timeout of a tool that runs inside advanceRun',
  },
  toolMs: { value: 60_000, unit: 'ms', error: 'run_failed', what: 'one try of a tool (default; set per tool)' },
  eventsPerPage: { value: 1_000, unit: 'items', error: 'invalid_request', what: 'events in one page' },
  sessionsPerPage: { value: 200, unit: 'items', error: 'invalid_request', what: 'sessions in one page' },
  sweepsPerPage: { value: 200, unit: 'items', error: 'invalid_request', what: 'clean-ups in one page' },
  sweepActionsPerPage: {
    value: 1_000,
    unit: 'items',
    error: 'invalid_request',
    what: 'sessions in one page of what a clean-up did',
  },
  subscribersPerGateway: {
    value: 10_000,
    unit: 'items',
    error: 'rate_limited',
    what: 'event streams open at one gateway',
  },
  contextRuns: {
    value: 40,
    unit: 'items',
    error: 'run_failed',
    what: 'the newest runs whose messages a model call carries (default)',
  },
  contextCacheBytes: {
    value: 64 * 1024 * 1024,
    unit: 'bytes',
    error: null,
    what: 'conversations that a worker caches between model calls, the most recently used ones',
  },
} as const satisfies Record<string, Limit>;
