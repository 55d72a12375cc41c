import { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument, type Document } from 'yaml';
import { checkSpec } from './define-agent.ts';
import { unusable, type Position, type TemplateFile } from './template-file.ts';
import type { FieldProblem } from './describe-issues.ts';

/** Reads the agent in a YAML text: one document whose fields are those of an agent's spec. */
export function readYamlTemplate(file: string, text: string): TemplateFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const unreadable = [...document.errors, ...document.warnings];
  if (unreadable.length > 0) {
    const problems = unreadable.map(({ message, pos }) => ({
      file,
      ...at(pos[0]),
      field: '',
      message: `this is not valid YAML: ${message}`,
    }));
    return { templates: [], problems };
  }
  if (!isMap(document.contents)) {
    return unusable(file, 'a template is a map of fields; begin it with "name: my-agent"', { line: 1, column: 1 });
  }
  let input: unknown;
  try {
    input = document.toJS();
  } catch (error) {
    // Anchors that repeat each other past the library's limit of 100.
    return unusable(file, `this is not valid YAML: ${(error as Error).message}`, { line: 1, column: 1 });
  }
  const positionOf = (path: FieldProblem['path']): Position => at(offsetOf(document, path));
  const { spec, problems } = checkSpec(input);
  return spec === undefined
    ? {
        templates: [],
        problems: problems.map(({ path, ...rest }) => ({
          file,
          ...positionOf(path),
          field: rest.field,
          message: rest.message,
        })),
      }
    : { templates: [{ file, agent: { spec, tools: [] }, positionOf }], problems: [] };
}

/** Where a field's name or a list's item begins; for one that is missing, where the map around it does. */
function offsetOf(document: Document.Parsed, path: FieldProblem['path']): number {
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
