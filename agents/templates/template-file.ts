import { readFile, stat } from 'node:fs/promises';
import { LIMITS } from '../../contracts/limits.ts';
import type { Agent } from '../define-agent.ts';
import type { FieldPath } from '../../core/text/field-problem.ts';
import type { TemplateProblem } from './template-error.ts';
import type { Position } from './yaml-map.ts';

/** An agent as a file declares it, and where its fields are. */
export interface Template {
  readonly file: string;
  readonly agent: Pick<Agent, 'spec' | 'tools'>;
  readonly positionOf: (path: FieldPath) => Position;
}

/** What a file holds, and all that is wrong with it. */
export interface TemplateFile {
  readonly templates: readonly Template[];
  readonly problems: readonly TemplateProblem[];
}

export const NOWHERE: Position = { line: null, column: null };

/** A file that holds nothing but a problem. */
export function unusable(file: string, message: string, position = NOWHERE, field = ''): TemplateFile {
  return { templates: [], problems: [{ file, ...position, field, message }] };
}

/** The text of a template file. Throws an Error whose message says why there is none, and the remedy. */
export async function readTemplateText(path: string): Promise<string> {
  const found = await stat(path);
  if (!found.isFile()) throw new Error('is not a file; give each template a file of its own');
  if (found.size > LIMITS.templateBytes.value) {
    throw new Error(`is ${found.size} bytes; the limit is ${LIMITS.templateBytes.value}. Shorten its instructions`);
  }
  const bytes = await readFile(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error('is not UTF-8 text; save it as UTF-8', { cause: error });
  }
}
