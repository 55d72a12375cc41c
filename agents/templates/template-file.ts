import { readFile, stat } from 'node:fs/promises';
import { LIMITS } from '../../contracts/limits.ts';
import type { ApprovalEvaluator, ApprovalPredicate } from '../approvals/define-approval.ts';
import type { ProviderDefinition } from '../context/context-provider.ts';
import type { Agent } from '../define-agent.ts';
import type { MiddlewareDefinition } from '../middleware/middleware.ts';
import type { FieldPath, FieldProblem } from '../../core/text/field-problem.ts';
import type { TemplateProblem } from './template-error.ts';
import type { Position } from './yaml-map.ts';

/** An agent defined by a file, with the positions of its fields. */
export interface Template {
  readonly file: string;
  readonly agent: Pick<Agent, 'spec' | 'tools' | 'context' | 'middleware'>;
  readonly positionOf: (path: FieldPath) => Position;
}

/** A context provider that a module exports. */
export interface ExportedProvider {
  readonly file: string;
  readonly definition: ProviderDefinition;
}

/** Middleware that a module exports. */
export interface ExportedMiddleware {
  readonly file: string;
  readonly definition: MiddlewareDefinition;
}

/** A predicate or evaluator of approvals that a module exports. */
export interface ExportedApproval<Definition> {
  readonly file: string;
  readonly definition: Definition;
}

/** The agents of a file, what else it exports that agents may name, and its problems. */
export interface TemplateFile {
  readonly templates: readonly Template[];
  readonly context?: readonly ExportedProvider[];
  readonly middleware?: readonly ExportedMiddleware[];
  readonly predicates?: readonly ExportedApproval<ApprovalPredicate>[];
  readonly evaluators?: readonly ExportedApproval<ApprovalEvaluator>[];
  readonly problems: readonly TemplateProblem[];
}

export const UNKNOWN_POSITION: Position = { line: null, column: null };

/** A file with one problem and no agents. */
export function invalidFile(file: string, message: string, position = UNKNOWN_POSITION, field = ''): TemplateFile {
  return { templates: [], problems: [{ file, ...position, field, message }] };
}

/** A problem with a field of a template, at its position. */
export function problemIn(
  { file, positionOf }: Pick<Template, 'file' | 'positionOf'>,
  { path, field, message }: FieldProblem,
): TemplateProblem {
  return { file, ...positionOf(path), field, message };
}

/** Reads a template file. The message of a thrown error continues a sentence about the file: `is not UTF-8 text; …`. */
export async function readTemplateText(path: string): Promise<string> {
  const found = await stat(path);
  if (!found.isFile()) throw new Error('is not a file; put each template into its own file');
  if (found.size > LIMITS.templateBytes.value) {
    throw new Error(`is ${found.size} bytes; the limit is ${LIMITS.templateBytes.value}; shorten its instructions`);
  }
  const bytes = await readFile(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error('is not UTF-8 text; save it as UTF-8', { cause: error });
  }
}
