import { realpathSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

const REVISION = /\?revision=\d+$/;
const folders = new Set<string>();

/**
 * The URL under which a module of `folder` is imported for the `revision`th time. Node never evaluates a URL twice, so
 * each revision has a query of its own. A resolve hook passes the query on to what the module imports from the folder
 * and the folders below it; packages and files elsewhere keep their URL, and so their state.
 */
export function revisedUrl(href: string, folder: string, revision: number): string {
  if (revision === 0) return href;
  if (folders.size === 0) registerHooks({ resolve: passRevisionOn });
  folders.add(`${pathToFileURL(realpathSync(folder)).href}/`);
  return `${href}?revision=${revision}`;
}

/** A URL or path without the query of its revision. */
export function withoutRevision(location: string): string {
  return location.replace(REVISION, '');
}

type ResolveHook = NonNullable<Parameters<typeof registerHooks>[0]['resolve']>;

const passRevisionOn: ResolveHook = (specifier, context, nextResolve) => {
  const resolved = nextResolve(specifier, context);
  const query = REVISION.exec(context.parentURL ?? '')?.[0];
  const { url } = resolved;
  if (query === undefined || url.includes('?') || url.includes('/node_modules/')) return resolved;
  return [...folders].some((folder) => url.startsWith(folder)) ? { ...resolved, url: `${url}${query}` } : resolved;
};
