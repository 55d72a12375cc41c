/** The fields of a log line. There is none for a user, for content or for a secret. */
export interface LogFields {
  /** The value of the response header `x-request-id`. */
  readonly requestId?: string | undefined;
  /** The route's pattern, without ids. */
  readonly route?: string | undefined;
  readonly status?: number | undefined;
  readonly session?: string | undefined;
  readonly run?: string | undefined;
  readonly step?: number | undefined;
  readonly attempt?: number | undefined;
  readonly agent?: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  /** The name of a declared tool, never one invented by a model. */
  readonly tool?: string | undefined;
  /** The name of an MCP server in the settings. */
  readonly server?: string | undefined;
  readonly outcome?: string | undefined;
  /** A stable code: an `ErrorCode` or the `reason` of a `ModelError`. */
  readonly code?: string | undefined;
  /** The next three are identifiers that a provider gave with an error. Other text of a provider is never logged. */
  readonly providerCode?: string | undefined;
  readonly providerType?: string | undefined;
  readonly providerParam?: string | undefined;
  readonly durationMs?: number | undefined;
  /** The identity of a worker: process, host and a random part. */
  readonly worker?: string | undefined;
  /** The id of a key of the payload codec. */
  readonly codecKey?: string | undefined;
  /** A number of sessions. */
  readonly sessions?: number | undefined;
  /** The next four are for lines of Temporal's SDK. */
  readonly component?: string | undefined;
  readonly activity?: string | undefined;
  readonly workflow?: string | undefined;
  readonly taskQueue?: string | undefined;
  readonly error?: unknown;
}

const TEXT = [
  'requestId',
  'route',
  'session',
  'run',
  'agent',
  'provider',
  'model',
  'tool',
  'server',
  'outcome',
  'code',
  'providerCode',
  'providerType',
  'providerParam',
  'component',
  'activity',
  'workflow',
  'taskQueue',
  'worker',
  'codecKey',
] as const satisfies readonly (keyof LogFields)[];
const NUMBERS = ['status', 'step', 'attempt', 'durationMs', 'sessions'] as const satisfies readonly (keyof LogFields)[];
/** The longest value, in characters. Ids fit. */
const MAX_LENGTH = 400;

/** Keeps the declared fields that have their declared type, and drops all others. */
export function allowedFields(fields: LogFields): Record<string, string | number | object> {
  const allowed: Record<string, string | number | object> = {};
  for (const name of TEXT) {
    const value: unknown = fields[name];
    if (typeof value === 'string' && value !== '') allowed[name] = value.slice(0, MAX_LENGTH);
  }
  for (const name of NUMBERS) {
    const value: unknown = fields[name];
    if (typeof value === 'number' && Number.isFinite(value)) allowed[name] = value;
  }
  if (fields.error !== undefined) allowed['error'] = describeError(fields.error);
  return allowed;
}

/** Errors whose messages contain no content. Perdure and Temporal make them from names and codes. */
const SAFE_MESSAGES = new Set([
  'PerdureError',
  'ModelError',
  'ApplicationFailure',
  'ActivityFailure',
  'TimeoutFailure',
  'UnreadablePayloadError',
]);

/**
 * The loggable part of an error: its name, code and stack frames. Its message only for {@link SAFE_MESSAGES}; other messages
 * may contain a statement's values, an address with its password, or a reply.
 */
export function describeError(error: unknown): { name: string; code?: string; message?: string; at?: string[] } {
  if (!(error instanceof Error)) return { name: typeof error };
  const name = /^[A-Za-z]{1,60}$/.test(error.name) ? error.name : 'Error';
  const { code, type } = error as { code?: unknown; type?: unknown };
  const known = [code, type].find((one): one is string => typeof one === 'string' && /^[\w.-]{1,60}$/.test(one));
  const at = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^ +at .*:\d+:\d+\)?$/.test(line))
    .slice(0, 8)
    .map((line) => line.trim().replace(/^at /, ''));
  return {
    name,
    ...(known === undefined ? {} : { code: known }),
    ...(SAFE_MESSAGES.has(error.name) ? { message: error.message.slice(0, MAX_LENGTH) } : {}),
    ...(at.length === 0 ? {} : { at }),
  };
}
