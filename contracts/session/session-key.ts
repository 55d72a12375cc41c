import { LIMITS } from '../limits.ts';
import { PerdureError } from '../errors.ts';

/** Who and which conversation. Every store function takes one; nothing is read by session id alone. */
export interface SessionKey {
  /** The user, as the credential names them. Any characters but control characters. */
  readonly user: string;
  /** The session id within that user. Any characters but control characters. */
  readonly session: string;
}

/** The first characters of the workflow id of a run without a session. No session's id can begin so: its user part is never empty. */
const RUN_PREFIX = ':run:';

/** Checks both parts; throws `invalid_request` that names the part and the remedy. */
export function sessionKey(user: string, session: string): SessionKey {
  checkPart('user', user, LIMITS.userBytes.value);
  checkPart('session id', session, LIMITS.sessionIdBytes.value);
  return { user, session };
}

/** `user:session`, the user part percent-encoded, so that no two keys share an id. */
export function workflowIdOf(key: SessionKey): string {
  return `${encodeURIComponent(key.user)}:${key.session}`;
}

/** The workflow id of a run without a session. Its rows live under the session id `run-id`. */
export function runWorkflowIdOf(key: SessionKey): string {
  return `${RUN_PREFIX}${encodeURIComponent(key.user)}:${key.session}`;
}

/** The key in a workflow id made by {@link workflowIdOf} or {@link runWorkflowIdOf}; throws `invalid_request` for any other text. */
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

/** How a caller's session id is made when they choose none. */
export type KeyScheme = 'user' | 'device' | 'application' | 'temporary';

/**
 * The session id for a scheme: one per user (`main`), per user and device, per user and application,
 * or a temporary one. `part` is the device, the application, or a fresh unique id.
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
    throw new PerdureError('invalid_request', `The ${what} is empty. Give at least one character.`);
  }
  if (/\p{Cc}/u.test(value) || !value.isWellFormed()) {
    throw new PerdureError(
      'invalid_request',
      `The ${what} ${JSON.stringify(value.slice(0, 80))} contains a control character. Use printable characters.`,
    );
  }
  // Percent-encoding can triple the bytes, and Temporal refuses ids over 1,000 bytes: count what is sent.
  const bytes = encodeURIComponent(value).length;
  if (bytes > maxBytes) {
    throw new PerdureError(
      'invalid_request',
      `The ${what} takes ${bytes} bytes when percent-encoded; the limit is ${maxBytes}. Use a shorter one.`,
    );
  }
}
