import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isApprovalEvaluator, isApprovalPredicate } from '../approvals/define-approval.ts';
import { isContextProvider } from '../context/context-provider.ts';
import { isAgent, type Agent } from '../define-agent.ts';
import { isMiddleware } from '../middleware/middleware.ts';
import { revisedUrl, withoutRevision } from './module-revisions.ts';
import { UNKNOWN_POSITION, invalidFile, type TemplateFile } from './template-file.ts';
import type { Position } from './yaml-map.ts';

/** The problem of a module without an agent. */
export const EXPORTS_NO_AGENT =
  'the module exports no agent; export one created by defineAgent, a context provider, middleware, or a predicate or evaluator of approvals, or move the file to a subfolder';

/** Imports a module and returns all agents, context providers and middleware that it exports. Each `revision` evaluates the module once. */
export async function readModuleTemplate(file: string, revision = 0): Promise<TemplateFile> {
  const path = resolve(file);
  let exports: Record<string, unknown>;
  try {
    const url = revisedUrl(pathToFileURL(path).href, dirname(path), revision);
    exports = (await import(/* @vite-ignore */ url)) as Record<string, unknown>;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const origin = originIn(error, dirname(file)) ?? { file, position: UNKNOWN_POSITION };
    return invalidFile(origin.file, `the module cannot be loaded: ${message}`, origin.position);
  }
  const agents = new Set(Object.values(exports).filter((value): value is Agent => isAgent(value)));
  const context = Object.values(exports)
    .filter(isContextProvider)
    .map(({ definition }) => ({ file, definition }));
  const middleware = Object.values(exports)
    .filter(isMiddleware)
    .map(({ definition }) => ({ file, definition }));
  const predicates = Object.values(exports)
    .filter(isApprovalPredicate)
    .map((definition) => ({ file, definition }));
  const evaluators = Object.values(exports)
    .filter(isApprovalEvaluator)
    .map((definition) => ({ file, definition }));
  const others = [context, middleware, predicates, evaluators];
  if (agents.size === 0 && others.every(({ length }) => length === 0)) return invalidFile(file, EXPORTS_NO_AGENT);
  const templates = [...agents].map((agent) => ({ file, agent, positionOf: () => UNKNOWN_POSITION }));
  return { templates, context, middleware, predicates, evaluators, problems: [] };
}

/** A stack line that ends with a position: `at f (/a/b.ts:3:5)`, `at file:///a/b.ts:3:5`, or `/a/b.ts:3` before a syntax error. */
const POSITION = /(?<location>file:\/\/\S+?|(?:\/|[A-Za-z]:\\).+?):(?<line>\d+)(?::(?<column>\d+))?\)?$/;

/** Returns the first position in an error's stack that is in `folder` or below it: that of the syntax error, or of the call that threw. */
function originIn(error: unknown, folder: string): { readonly file: string; readonly position: Position } | undefined {
  const lines = (error instanceof Error ? (error.stack ?? '') : '').split('\n');
  const root = realpathSync(folder);
  for (const [at, text] of lines.entries()) {
    const { location, line, column } = POSITION.exec(text)?.groups ?? {};
    if (location === undefined) continue;
    const bare = withoutRevision(location);
    const inside = relative(root, bare.startsWith('file:') ? fileURLToPath(bare) : bare);
    if (inside.startsWith('..') || isAbsolute(inside)) continue;
    return {
      file: join(folder, inside),
      position: {
        line: Number(line),
        column: column === undefined ? caretColumn(lines.slice(at + 1)) : Number(column),
      },
    };
  }
  return undefined;
}

/** The column of the carets that Node puts under the source lines of a syntax error, before the error itself. */
function caretColumn(lines: readonly string[]): number | null {
  const source = lines.slice(
    0,
    lines.findIndex((line) => /^\w*Error\b/.test(line)),
  );
  const indent = source.map((line) => /^( *)\^+\s*$/.exec(line)?.[1]).find((found) => found !== undefined);
  return indent === undefined ? null : indent.length + 1;
}
