import { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument, visit, type Alias, type Document } from 'yaml';
import type { FieldPath } from '../../core/text/field-problem.ts';
import { describeYamlError } from './describe-yaml-error.ts';
import type { TemplateProblem } from './template-error.ts';

/** A position in a file. Lines and columns count from 1; null if unknown. */
export interface Position {
  readonly line: number | null;
  readonly column: number | null;
}

/** The value of a YAML document and the positions of its fields, or all of its problems. */
export type YamlMap =
  | { readonly input: unknown; readonly positionOf: (path: FieldPath) => Position; readonly problems: [] }
  | { readonly input?: never; readonly problems: readonly TemplateProblem[] };

/** Parses one YAML document that must be a map. `hint` is the error message for any other document. */
export function readYamlMap(file: string, text: string, hint: string): YamlMap {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problem = (message: string, position: Position): TemplateProblem => ({ file, ...position, field: '', message });
  const top = { line: 1, column: 1 };
  // One mistake is often the cause of the errors that follow it.
  const [invalid] = [...document.errors, ...document.warnings];
  if (invalid !== undefined) return { problems: [problem(describeYamlError(invalid, text), at(invalid.pos[0]))] };
  if (!isMap(document.contents)) return { problems: [problem(hint, top)] };
  try {
    return { input: document.toJS(), positionOf: (path) => at(offsetOf(document, path)), problems: [] };
  } catch (error) {
    const alias = unresolvedAlias(document);
    if (alias !== undefined) {
      const message = `invalid YAML: *${alias.source} refers to no anchor; put a text that begins with "*" in quotes`;
      return { problems: [problem(message, at(alias.range?.[0] ?? 0))] };
    }
    // More aliases than the library resolves (100): anchors that expand each other.
    return { problems: [problem(`invalid YAML: ${(error as Error).message}`, top)] };
  }
}

/** The first alias whose anchor does not exist before it. */
function unresolvedAlias(document: Document.Parsed): Alias | undefined {
  let found: Alias | undefined;
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document) !== undefined) return;
      found = alias;
      return visit.BREAK;
    },
  });
  return found;
}

/** The offset of a field's name or a list's item; of the nearest parent for a field that is missing. */
function offsetOf(document: Document.Parsed, path: FieldPath): number {
  for (let depth = path.length; depth > 0; depth--) {
    const name = path[depth - 1];
    const parent = document.getIn(path.slice(0, depth - 1), true);
    const node = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(name))?.key
      : isSeq(parent) && parent.get(name, true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range[0] ?? 0;
}
