/** Every name that crosses a process boundary. `docs/temporal.md` lists them for other languages. */

/** The task queue that workers poll and sessions are started on. */
export const TASK_QUEUE = 'perdure';

/** Workflow types. */
export const WORKFLOW = {
  /** One user's conversation with an agent; workflow id `user:session`. */
  session: 'agentSession',
  /** One run without a session; workflow id `:run:user:run`. */
  run: 'agentRun',
  /** A clean-up of sessions; its argument is `{sweepId?, user?, request?: {idleMs?, olderMs?, dryRun?}}`. */
  maintenance: 'maintenance',
} as const;

/** The Temporal Schedule that starts clean-ups. */
export const MAINTENANCE_SCHEDULE = 'perdure-maintenance';

/** Updates: answered, and each carries the JSON named in `contracts/commands.ts` or `contracts/message.ts`. */
export const UPDATE = {
  openSession: 'openSession',
  submitMessage: 'submitMessage',
  updateSession: 'updateSession',
  cancelRun: 'cancelRun',
  resumeRun: 'resumeRun',
  endSession: 'endSession',
} as const;

/** Signals: the same names and JSON as the updates, without an answer. */
export const SIGNAL = {
  submitMessage: 'submitMessage',
  updateSession: 'updateSession',
  cancelRun: 'cancelRun',
  endSession: 'endSession',
  /** Has no update: the session asks the store whether it has expired. */
  checkExpiry: 'checkExpiry',
  /** The earlier name of `checkExpiry`. Recorded histories and older senders use it; workflows still accept it. */
  lookAtLife: 'lookAtLife',
} as const;

/** Activity types that differ from the activity's name in code. Recorded histories and older workers use them. */
export const ACTIVITY_TYPE = {
  requestStop: 'ringStop',
} as const;

/** Queries, for Temporal clients that have no gateway. */
export const QUERY = {
  /** Answers with {@link import('./session/session.ts').ControlSnapshot}. */
  session: 'session',
} as const;

/**
 * The header of signals and updates that carries a trace: JSON of W3C's `traceparent`, as Temporal's own OpenTelemetry
 * packages send it. Handed on to activities.
 */
export const TRACE_HEADER = '_tracer-data';

/** Search attributes, registered when a worker starts. All are keywords. */
export const SEARCH_ATTRIBUTE = {
  user: 'PerdureUser',
  agent: 'PerdureAgent',
  status: 'PerdureStatus',
} as const;
