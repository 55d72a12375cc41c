/** What a log line may carry beside its message. There is no field for a user, for content or for a secret. */
export interface LogFields {
  /** The HTTP request, as its caller was told. */
  readonly requestId?: string | undefined;
  /** The route as it is declared, without ids. */
  readonly route?: string | undefined;
  readonly status?: number | undefined;
  readonly session?: string | undefined;
  readonly run?: string | undefined;
  readonly step?: number | undefined;
  readonly attempt?: number | undefined;
  readonly agent?: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  /** A tool that an agent has; never a name that a model made up. */
  readonly tool?: string | undefined;
  readonly outcome?: string | undefined;
  /** A stable code: an `ErrorCode`, a reason of a model's failure. */
  readonly code?: string | undefined;
  readonly durationMs?: number | undefined;
  /** Of Temporal: which part of its SDK speaks, and of what. */
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
  'outcome',
  'code',
  'component',
  'activity',
  'workflow',
  'taskQueue',
] as const satisfies readonly (keyof LogFields)[];
const NUMBERS = ['status', 'step', 'attempt', 'durationMs'] as const satisfies readonly (keyof LogFields)[];
/** No field needs to be longer; ids are at most as long. */
const LONGEST = 400;

/** The fields of a line that are allowed, each of its type: what a caller slips in beside them is dropped. */
export function allowedFields(fields: LogFields): Record<string, string | number | object> {
  const allowed: Record<string, string | number | object> = {};
  for (const name of TEXT) {
    const value: unknown = fields[name];
    if (typeof value === 'string' && value !== '') allowed[name] = value.slice(0, LONGEST);
  }
  for (const name of NUMBERS) {
    const value: unknown = fields[name];
    if (typeof value === 'number' && Number.isFinite(value)) allowed[name] = value;
  }
  if (fields.error !== undefined) allowed['error'] = describeError(fields.error);
  return allowed;
}

/** Errors of ours and of Temporal: what they say is made from names and codes, never from content. */
const SPEAKING = new Set(['PerdureError', 'ModelError', 'ApplicationFailure', 'ActivityFailure', 'TimeoutFailure']);

/**
 * An error, without what it may have picked up: a message is shown only of errors whose words are ours (another's may
 * repeat a statement's values, an address with its password or a reply); of every error its name, its code and where
 * it arose.
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
    ...(SPEAKING.has(error.name) ? { message: error.message.slice(0, LONGEST) } : {}),
    ...(at.length === 0 ? {} : { at }),
  };
}
