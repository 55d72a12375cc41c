/** Length of a chain of causes that is followed. */
const MAX_CAUSES = 5;
/** Number of errors of an `AggregateError` that are named. */
const MAX_ERRORS = 3;

/** What a tool threw, as its call records it. */
export interface Thrown {
  /** Not empty. */
  readonly message: string;
  /** False only if the thrown object has `retryable: false`. */
  readonly retryable: boolean;
  /** True only if the thrown object says so: the call may have taken effect elsewhere. */
  readonly mayHaveTakenEffect: boolean;
}

/**
 * Describes what a tool threw, which may be anything. Never throws: a property that cannot be read is treated as absent.
 * An error without a message is described by its errors (`AggregateError`) or by its cause.
 */
export function describeThrown(thrown: unknown): Thrown {
  const message = messageIn(thrown, MAX_CAUSES) ?? nameOf(thrown);
  return {
    message,
    retryable: read(thrown, 'retryable') !== false,
    mayHaveTakenEffect: read(thrown, 'mayHaveTakenEffect') === true,
  };
}

function messageIn(thrown: unknown, depth: number): string | null {
  if (typeof thrown === 'string') return nonEmpty(thrown);
  const message = nonEmpty(read(thrown, 'message'));
  if (message !== null || depth === 0) return message;
  const messages = listOf(read(thrown, 'errors')).flatMap((error) => messageIn(error, depth - 1) ?? []);
  return messages.length > 0 ? messages.join('; ') : messageIn(read(thrown, 'cause'), depth - 1);
}

function nameOf(thrown: unknown): string {
  const name = nonEmpty(read(thrown, 'name'));
  return name === null ? 'The tool failed without an error message.' : `The tool failed: ${name}.`;
}

function nonEmpty(text: unknown): string | null {
  return typeof text === 'string' && text.trim() !== '' ? text : null;
}

function listOf(errors: unknown): unknown[] {
  try {
    return Array.isArray(errors) ? errors.slice(0, MAX_ERRORS) : [];
  } catch {
    return [];
  }
}

/** Reads a property whose getter may throw. */
function read(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    return (value as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}
