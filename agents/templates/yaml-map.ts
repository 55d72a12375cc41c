import { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument, type Document } from 'yaml';
import type { FieldPath } from '../../core/text/field-problem.ts';
import type { TemplateProblem } from './template-error.ts';

/** Where something is in a file; lines and columns begin at 1. */
export interface Position {
  readonly line: number | null;
  readonly column: number | null;
}

/** A YAML text as a value, and where its fields are; or all that is wrong with it. */
export type YamlMap =
  | { readonly input: unknown; readonly positionOf: (path: FieldPath) => Position; readonly problems: [] }
  | { readonly input?: never; readonly problems: readonly TemplateProblem[] };

/** Reads one YAML document that is a map of fields. `hint` says, where it is none, what to write instead. */
export function readYamlMap(file: string, text: string, hint: string): YamlMap {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problem = (message: string, position: Position): TemplateProblem => ({ file, ...position, field: '', message });
  const top = { line: 1, column: 1 };
  const unreadable = [...document.errors, ...document.warnings];
  if (unreadable.length > 0) {
    return {
      problems: unreadable.map(({ message, pos }) => problem(`this is not valid YAML: ${message}`, at(pos[0]))),
    };
  }
  if (!isMap(document.contents)) return { problems: [problem(hint, top)] };
  try {
    return { input: document.toJS(), positionOf: (path) => at(offsetOf(document, path)), problems: [] };
  } catch (error) {
    // Anchors that repeat each other past the library's limit of 100.
    return { problems: [problem(`this is not valid YAML: ${(error as Error).message}`, top)] };
  }
}

/** Where a field's name or a list's item begins; for one that is missing, where the map around it does. */
function offsetOf(document: Document.Parsed, path: FieldPath): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0] ?? 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === part);
      if (pair === undefined) break;
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}
