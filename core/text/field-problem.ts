const MAX_NAME_CHARACTERS = 60;
const MAX_FIELD_CHARACTERS = 200;
const MAX_MESSAGE_CHARACTERS = 500;

export type FieldPath = readonly (string | number)[];

/** A problem with one field of a value. Its texts are bounded in length. */
export interface FieldProblem {
  readonly path: FieldPath;
  /** The path as written in code: `policy.retry.maxAttempts`, `tools[1]`; empty for the value itself. */
  readonly field: string;
  /** The problem and its remedy, without a full stop. */
  readonly message: string;
}

/** A problem at a path. */
export function fieldProblem(path: FieldPath, message: string): FieldProblem {
  const field = path
    .map((part, at) =>
      typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${cut(part, MAX_NAME_CHARACTERS)}`,
    )
    .join('');
  return { path, field: cut(field, MAX_FIELD_CHARACTERS), message: cut(message, MAX_MESSAGE_CHARACTERS) };
}

/** The first `most` problems as one clause: `args.city: missing, expected string; unit: …; and 3 more problems`. */
export function joinProblems(problems: readonly FieldProblem[], most = 5): string {
  const shown = problems.slice(0, most).map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
  const more = problems.length - shown.length;
  if (more > 0) shown.push(`and ${more} more ${more === 1 ? 'problem' : 'problems'}`);
  return shown.join('; ');
}

/** The first `most` problems as sentences: `The field "id" of the body is not valid: expected string, got a number.` */
export function problemSentences(problems: readonly FieldProblem[], of: string, most = 3): string {
  return problems
    .slice(0, most)
    .map(({ field, message }) => {
      const what = field === '' ? `The ${of}` : `The field ${JSON.stringify(field)} of the ${of}`;
      return `${what} is not valid: ${message}.`;
    })
    .join(' ');
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length).toWellFormed()}…` : text;
}
