import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isAgent, type Agent } from '../define-agent.ts';
import { UNKNOWN_POSITION, invalidFile, type TemplateFile } from './template-file.ts';
import type { Position } from './yaml-map.ts';

/** Imports a module and returns the agents that it exports. Node caches it: a process loads a module once. */
export async function readModuleTemplate(file: string): Promise<TemplateFile> {
  const { href } = pathToFileURL(resolve(file));
  let exports: Record<string, unknown>;
  try {
    exports = (await import(/* @vite-ignore */ href)) as Record<string, unknown>;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return invalidFile(file, `the module cannot be loaded: ${message}`, positionIn(error, [href, resolve(file)]));
  }
  const agents = new Set(Object.values(exports).filter((value): value is Agent => isAgent(value)));
  if (agents.size === 0) {
    return invalidFile(
      file,
      'the module exports no agent; export one created by defineAgent, or move the file to a subfolder',
    );
  }
  const templates = [...agents].map((agent) => ({ file, agent, positionOf: () => UNKNOWN_POSITION }));
  return { templates, problems: [] };
}

/** The position of the file in an error's stack: of its syntax error, or of the call that threw. */
function positionIn(error: unknown, names: readonly string[]): Position {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const name of names) {
    const at = stack.indexOf(`${name}:`);
    const found = at === -1 ? null : /^:(\d+)(?::(\d+))?/.exec(stack.slice(at + name.length));
    if (found !== null) return { line: Number(found[1]), column: found[2] === undefined ? null : Number(found[2]) };
  }
  return UNKNOWN_POSITION;
}
