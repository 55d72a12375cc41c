import { displayPath } from './display-path.ts';

/** A problem in a template. Lines and columns count from 1. */
export interface TemplateProblem {
  readonly file: string;
  /** Null if unknown: for a whole file, and for most problems in a module. */
  readonly line: number | null;
  readonly column: number | null;
  /** `policy.retry.maxAttempts`, `tools[1]`; empty for the whole file. */
  readonly field: string;
  /** The problem and its remedy. */
  readonly message: string;
}

/** All problems of a folder of templates, or of the deployment file. The message lists one per line. */
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
