import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

/** The files and packages that a set of compiled modules needs. */
export interface Traced {
  /** Paths of the modules, their declarations and source maps, relative to the folder. */
  readonly files: readonly string[];
  /** Names of the packages that the modules import at run time. */
  readonly packages: readonly string[];
}

/** Follows the imports of the compiled modules `entries` in `folder`, in code and declarations. */
export async function traceImports(folder: string, entries: readonly string[]): Promise<Traced> {
  const files = new Set<string>();
  const packages = new Set<string>();
  const waiting = entries.flatMap(filesOf);
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path)) continue;
    files.add(path);
    for (const specifier of specifiersIn(await readFile(join(folder, path), 'utf8'))) {
      if (specifier.startsWith('.')) waiting.push(...filesOf(normalize(join(dirname(path), specifier))));
      else if (path.endsWith('.js') && !specifier.startsWith('node:')) packages.add(packageOf(specifier));
    }
  }
  const maps = [...files].filter((path) => path.endsWith('.js')).map((path) => `${path}.map`);
  return { files: [...files, ...maps].toSorted(), packages: [...packages].toSorted() };
}

/** A module's code and its declarations. */
function filesOf(module: string): string[] {
  return [module, module.replace(/\.js$/, '.d.ts')];
}

/** Returns the import specifiers. Skips doc comments, which may contain examples of imports. */
function specifiersIn(code: string): string[] {
  const imports = /(?:^|[^\w.])(?:from|import)\s*\(?\s*["']([^"'\n]+)["']/g;
  return [...code.replaceAll(/^\s*(?:\/\*\*|\*).*$/gm, '').matchAll(imports)].map(([, specifier = '']) => specifier);
}

/** `@scope/name/path` → `@scope/name`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
