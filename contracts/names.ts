/** Every name that crosses a process boundary. `docs/temporal.md` lists them for other languages. */

/** The default task queue: workers poll it, and sessions are started on it. */
export const TASK_QUEUE = 'perdure';

/** Workflow types. */
export const WORKFLOW = {
  /** One user's conversation with an agent; workflow id `user:session`. */
  session: 'agentSession',
  /** One run without a session; workflow id `:run:user:run`. */
  run: 'agentRun',
  /** A clean-up of sessions. Argument: `{sweepId?, user?, request?: {idleMs?, olderMs?, dryRun?}}`. */
  maintenance: 'maintenance',
  /** The erasure of a user; workflow id `:erasure:id`. Argument: `{erasureId}`. */
  erasure: 'erasure',
  /** A batch: one action of an operator on many runs or sessions; workflow id `:batch:id`. Argument: `{batchId}`. */
  batch: 'batch',
} as const;

/** Id of the Temporal Schedule that starts clean-ups. */
export const MAINTENANCE_SCHEDULE = 'perdure-maintenance';

/** Updates. Each has a result and takes the JSON defined in `contracts/session/commands.ts` or `contracts/session/message.ts`. */
export const UPDATE = {
  openSession: 'openSession',
  submitMessage: 'submitMessage',
  updateSession: 'updateSession',
  recordCounts: 'recordCounts',
  cancelRun: 'cancelRun',
  resumeRun: 'resumeRun',
  endSession: 'endSession',
  answerApproval: 'answerApproval',
  answerClientCall: 'answerClientCall',
} as const;

/** Signals: the same names and JSON as the updates, without a result; and those of their own. */
export const SIGNAL = {
  submitMessage: 'submitMessage',
  updateSession: 'updateSession',
  recordCounts: 'recordCounts',
  cancelRun: 'cancelRun',
  endSession: 'endSession',
  answerApproval: 'answerApproval',
  answerClientCall: 'answerClientCall',
  /** Without a corresponding update: the worker that served the session is lost, and the session starts another activity. */
  serverLost: 'serverLost',
  /** Without a corresponding update, from gateways: the store has a run for the session, by a {@link import('./session/wake-reference.ts').WakeReference}. */
  wake: 'runAdmitted',
  /** Without a corresponding update: the session checks in the store whether it has expired. */
  checkExpiry: 'checkExpiry',
  /** Without a corresponding update, from workers: runs of the session have calls of `afterRun` left for the background. */
  afterRuns: 'afterRunsDue',
  /** Without a corresponding update, from `perdure deploy move`: the session continues as new once nothing is in progress, and so moves to the current build. */
  continueAsNew: 'continueAsNew',
  /** The earlier name of `checkExpiry`. Recorded histories and older senders use it; workflows still accept it. */
  lookAtLife: 'lookAtLife',
} as const;

/** The activity type of the activity that serves a session. */
export const SERVING_ACTIVITY = 'advanceRun';

/** The activity type of a tool call in an activity of its own. */
export const TOOL_ACTIVITY = 'runTool';

/** Activity types that differ from the activity's name in code. Recorded histories and older workers use them. */
export const ACTIVITY_TYPE = {
  requestStop: 'ringStop',
} as const;

/** Queries, for Temporal clients that have no gateway. */
export const QUERY = {
  /** Returns a {@link import('./session/session.ts').ControlSnapshot}. */
  session: 'session',
} as const;

/**
 * Header of signals and updates with the trace context: JSON with W3C's `traceparent`, in the format of Temporal's
 * OpenTelemetry packages. Workflows pass it on to activities.
 */
export const TRACE_HEADER = '_tracer-data';

/** Search attributes of session workflows, registered when a worker starts. All have the type Keyword. */
export const SEARCH_ATTRIBUTE = {
  user: 'PerdureUser',
  agent: 'PerdureAgent',
  status: 'PerdureStatus',
} as const;
