import { REQUEST_LIMITS } from '../limits/request-limits.ts';
import { PerdureError } from '../errors.ts';

/** Identifies a session. Every store function takes the whole key; nothing is read by session id alone. */
export interface SessionKey {
  /** The user, as named by the credential. Any characters except control characters. */
  readonly user: string;
  /** The session id, unique within the user. Any characters except control characters. */
  readonly session: string;
}

/** Prefix of the workflow id of a run without a session. A session's workflow id never starts with a colon, because its user part is not empty. */
const RUN_PREFIX = ':run:';

/** Creates a key. Throws `invalid_request` for a part that is empty, too long, or contains control characters. */
export function sessionKey(user: string, session: string): SessionKey {
  checkPart('user', user, REQUEST_LIMITS.userBytes.value);
  checkPart('session id', session, REQUEST_LIMITS.sessionIdBytes.value);
  return { user, session };
}

/** Returns the workflow id of a session: `user:session`, with the user percent-encoded so that the id is unique per key. */
export function workflowIdOf(key: SessionKey): string {
  return `${encodeURIComponent(key.user)}:${key.session}`;
}

/** Returns the workflow id of a run without a session: `:run:user:run`. Its rows have the run id as session id. */
export function runWorkflowIdOf(key: SessionKey): string {
  return `${RUN_PREFIX}${encodeURIComponent(key.user)}:${key.session}`;
}

/** Parses a workflow id made by {@link workflowIdOf} or {@link runWorkflowIdOf}. Throws `invalid_request` for any other text. */
export function sessionKeyOf(workflowId: string): SessionKey {
  const id = workflowId.startsWith(RUN_PREFIX) ? workflowId.slice(RUN_PREFIX.length) : workflowId;
  const colon = id.indexOf(':');
  const user = colon < 1 ? undefined : decode(id.slice(0, colon));
  if (user === undefined) {
    throw new PerdureError(
      'invalid_request',
      `The workflow id ${JSON.stringify(workflowId)} is not "user:session" with the user part percent-encoded.`,
    );
  }
  return sessionKey(user, id.slice(colon + 1));
}

/** How a session id is derived for a caller who does not choose one. */
export type KeyScheme = 'user' | 'device' | 'application' | 'temporary';

/**
 * Returns the session id for a scheme: one per user (`main`), per user and device, per user and application, or a
 * temporary one. `part` is the device, the application, or a new unique id.
 */
export function sessionIdFor(scheme: KeyScheme, part = ''): string {
  switch (scheme) {
    case 'user':
      return 'main';
    case 'device':
      return `device-${part}`;
    case 'application':
      return `app-${part}`;
    case 'temporary':
      return `tmp-${part}`;
  }
}

function decode(text: string): string | undefined {
  try {
    const user = decodeURIComponent(text);
    return encodeURIComponent(user) === text ? user : undefined;
  } catch {
    return undefined;
  }
}

function checkPart(what: string, value: string, maxBytes: number): void {
  if (typeof value !== 'string' || value === '') {
    throw new PerdureError('invalid_request', `The ${what} is empty. It must have at least one character.`);
  }
  if (/\p{Cc}/u.test(value) || !value.isWellFormed()) {
    throw new PerdureError(
      'invalid_request',
      `The ${what} ${JSON.stringify(value.slice(0, 80))} contains a control character. Use printable characters.`,
    );
  }
  // Counts the encoded form: Temporal rejects ids over 1,000 bytes, and percent-encoding can triple the length.
  const bytes = encodeURIComponent(value).length;
  if (bytes > maxBytes) {
    throw new PerdureError(
      'invalid_request',
      `The ${what} has ${bytes} bytes when percent-encoded; the limit is ${maxBytes}. Use a shorter one.`,
    );
  }
}
