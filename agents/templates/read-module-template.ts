import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isAgent, type Agent } from '../define-agent.ts';
import { NOWHERE, unusable, type TemplateFile } from './template-file.ts';
import type { Position } from './yaml-map.ts';

/** Imports a module and takes every agent that it exports. A module is loaded once in a process. */
export async function readModuleTemplate(file: string): Promise<TemplateFile> {
  const { href } = pathToFileURL(resolve(file));
  let exports: Record<string, unknown>;
  try {
    exports = (await import(/* @vite-ignore */ href)) as Record<string, unknown>;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return unusable(file, `this module cannot be loaded: ${message}`, positionIn(error, [href, resolve(file)]));
  }
  const agents = new Set(Object.values(exports).filter((value): value is Agent => isAgent(value)));
  if (agents.size === 0) {
    return unusable(
      file,
      'this module exports no agent; export one made by defineAgent, or move the file to a subfolder',
    );
  }
  const templates = [...agents].map((agent) => ({ file, agent, positionOf: () => NOWHERE }));
  return { templates, problems: [] };
}

/** The line of the file in an error's stack: that of its syntax error, or of the call that threw. */
function positionIn(error: unknown, names: readonly string[]): Position {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const name of names) {
    const at = stack.indexOf(`${name}:`);
    const found = at === -1 ? null : /^:(\d+)(?::(\d+))?/.exec(stack.slice(at + name.length));
    if (found !== null) return { line: Number(found[1]), column: found[2] === undefined ? null : Number(found[2]) };
  }
  return NOWHERE;
}
