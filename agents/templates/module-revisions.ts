import { realpathSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

const REVISION = /\?revision=\d+$/;
const folders = new Set<string>();

/**
 * Returns the URL that imports a module of `folder` for the `revision`th time. Node evaluates a URL only once, so each
 * revision has its own query. A resolve hook adds the query to imports from the folder and its subfolders. Packages and
 * other files are not evaluated again and keep their state.
 */
export function revisedUrl(href: string, folder: string, revision: number): string {
  if (revision === 0) return href;
  if (folders.size === 0) registerHooks({ resolve: propagateRevision });
  folders.add(`${pathToFileURL(realpathSync(folder)).href}/`);
  return `${href}?revision=${revision}`;
}

/** Removes the revision query from a URL or path. */
export function withoutRevision(location: string): string {
  return location.replace(REVISION, '');
}

type ResolveHook = NonNullable<Parameters<typeof registerHooks>[0]['resolve']>;

const propagateRevision: ResolveHook = (specifier, context, nextResolve) => {
  const resolved = nextResolve(specifier, context);
  const query = REVISION.exec(context.parentURL ?? '')?.[0];
  const { url } = resolved;
  if (query === undefined || url.includes('?') || url.includes('/node_modules/')) return resolved;
  return [...folders].some((folder) => url.startsWith(folder)) ? { ...resolved, url: `${url}${query}` } : resolved;
};
