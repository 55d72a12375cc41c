import { displayPath } from './display-path.ts';

/** One thing that is wrong with a template. Lines and columns begin at 1. */
export interface TemplateProblem {
  readonly file: string;
  /** Null where none is known: for a whole file, and for much of a module. */
  readonly line: number | null;
  readonly column: number | null;
  /** `policy.retry.maxAttempts`, `tools[1]`; empty for the whole file. */
  readonly field: string;
  /** What is wrong and what to write instead. */
  readonly message: string;
}

/** Everything that is wrong with the templates of a folder, or with `what` else. The message has a line for each, as a compiler's. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly problems: readonly TemplateProblem[];

  constructor(problems: readonly TemplateProblem[], what = 'The agent templates have') {
    const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
    super([`${what} ${count}:`, ...problems.map(lineOf)].join('\n'));
    this.problems = problems;
  }
}

function lineOf({ file, line, column, field, message }: TemplateProblem): string {
  const place = [displayPath(file), line, column].filter((part) => part !== null).join(':');
  return `  ${place}  ${field === '' ? '' : `${field}: `}${message.replaceAll('\n', '\n    ')}`;
}
