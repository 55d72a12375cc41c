import { PerdureError } from '../contracts/errors.ts';
import { BinaryCache } from './binary-cache.ts';
import { buildTemporal } from './build-temporal.ts';
import { downloadUrl } from './download-url.ts';
import { findProgram, type EnvVars } from './find-program.ts';
import {
  isNewEnough,
  MIN_SERVER_VERSION,
  TEMPORAL_CACHE_ENTRY,
  TEMPORAL_CLI_VERSION,
  temporalVersionOf,
} from './temporal-version.ts';

/** A Temporal CLI that runs the development server. */
export interface TemporalBinary {
  readonly path: string;
  /** Version of the CLI. */
  readonly version: string;
  readonly serverVersion: string;
  readonly source: 'configured' | 'path' | 'cache' | 'download' | 'go';
  /** Notes for the user, such as a program that was skipped. */
  readonly notes: readonly string[];
}

export interface ProvideTemporalOptions {
  /** Default `process.env`. */
  readonly env?: EnvVars;
  /** Called with a line to show, at least every 3 s during long operations. */
  readonly onProgress?: (line: string) => void;
  /** Awaited before a download or a build begins. If it rejects, there is none. */
  readonly beforeFetch?: () => Promise<unknown>;
}

/** The state of a search: `tried` lists what has failed so far. */
interface Search {
  readonly env: EnvVars;
  readonly onProgress: (line: string) => void;
  readonly cache: BinaryCache;
  readonly tried: string[];
  readonly notes: string[];
}

/**
 * Returns the first available Temporal CLI: `PERDURE_TEMPORAL_BIN`, `temporal` on the PATH, the cache, the official
 * download, a build with a Go toolchain. Several processes may call it at once: one of them fills the cache.
 * @throws {PerdureError} `temporal_unavailable`, with everything that was tried and the remedy.
 */
export async function provideTemporalBinary(options: ProvideTemporalOptions = {}): Promise<TemporalBinary> {
  const { env = process.env, onProgress = () => {} } = options;
  const cache = new BinaryCache(env, 'temporal', TEMPORAL_CACHE_ENTRY);
  const search: Search = { env, onProgress, cache, tried: [], notes: [] };
  const found = (await configured(search)) ?? (await onPath(search)) ?? (await cached(search));
  if (found !== null) return found;
  await options.beforeFetch?.();
  const waiting = (): void => onProgress('waiting for another process that downloads or builds Temporal');
  const fetched = await cache.withLock(async () => (await cached(search)) ?? (await fetchOrBuild(search)), waiting);
  if (fetched !== null) return fetched;
  throw new PerdureError('temporal_unavailable', adviceFor(search));
}

async function configured(search: Search): Promise<TemporalBinary | null> {
  const path = search.env['PERDURE_TEMPORAL_BIN'];
  if (!path) return null;
  const version = await temporalVersionOf(path);
  if (version !== null && isNewEnough(version)) return binary(search, path, 'configured', version);
  const problem = version === null ? 'is not a working Temporal CLI' : `has server ${version.server}`;
  throw new PerdureError(
    'temporal_unavailable',
    `PERDURE_TEMPORAL_BIN is ${path}, which ${problem}. Set it to a Temporal CLI with server ${MIN_SERVER_VERSION} or newer, or unset it.`,
  );
}

async function onPath(search: Search): Promise<TemporalBinary | null> {
  const path = findProgram('temporal', search.env);
  if (path === null) {
    search.tried.push('no "temporal" on the PATH');
    return null;
  }
  const version = await temporalVersionOf(path);
  if (version !== null && isNewEnough(version)) return binary(search, path, 'path', version);
  const problem = version === null ? 'is not a working Temporal CLI' : `has server ${version.server}`;
  search.tried.push(`${path} ${problem}; server ${MIN_SERVER_VERSION} or newer is required`);
  search.notes.push(`Skipped ${path}: it ${problem}, and server ${MIN_SERVER_VERSION} or newer is required.`);
  return null;
}

async function cached(search: Search): Promise<TemporalBinary | null> {
  const { cache } = search;
  const state = await cache.check();
  if (state === 'changed') {
    const note = `Replacing ${cache.path}: it does not match its checksum.`;
    if (!search.notes.includes(note)) search.notes.push(note);
  }
  const version = state === 'good' ? await temporalVersionOf(cache.path) : null;
  return version === null ? null : binary(search, cache.path, 'cache', version);
}

/** The caller must hold the lock of the cache entry. */
async function fetchOrBuild(search: Search): Promise<TemporalBinary | null> {
  const url = downloadUrl(TEMPORAL_CLI_VERSION, search.env);
  if (url === null) search.tried.push('the download is switched off (PERDURE_TEMPORAL_DOWNLOAD)');
  else {
    search.onProgress(`downloading Temporal ${TEMPORAL_CLI_VERSION} from ${new URL(url).host}`);
    const downloaded = await install(search, 'download', url, async (folder) => {
      // Loads an HTTP client, which most starts do not need.
      const { downloadTemporal } = await import('./download-temporal.ts');
      return downloadTemporal(url, folder, search.env, search.onProgress);
    });
    if (downloaded !== null) return downloaded;
  }
  const go = findProgram('go', search.env);
  if (go === null) {
    search.tried.push('no Go toolchain ("go") on the PATH');
    return null;
  }
  search.onProgress(`building Temporal ${TEMPORAL_CLI_VERSION} with ${go}; this takes some minutes, once`);
  return install(search, 'go', `a build with ${go}`, (folder) =>
    buildTemporal(go, folder, search.env, search.onProgress),
  );
}

/** Gets a program in a temporary folder, checks that it runs, and installs it in the cache. Null, with the reason recorded in `tried`, on failure. */
async function install(
  search: Search,
  source: 'download' | 'go',
  what: string,
  get: (folder: string) => Promise<string>,
): Promise<TemporalBinary | null> {
  return search.cache.withTemporaryFolder(async (folder) => {
    try {
      const program = await get(folder);
      const version = await temporalVersionOf(program);
      if (version === null || !isNewEnough(version)) throw new Error('did not produce a working Temporal CLI');
      await search.cache.install(program);
      return binary(search, search.cache.path, source, version);
    } catch (error) {
      const reason = `${what} ${error instanceof Error ? error.message : String(error)}`;
      search.tried.push(reason);
      search.onProgress(reason);
      return null;
    }
  });
}

function binary(
  search: Search,
  path: string,
  source: TemporalBinary['source'],
  version: { cli: string; server: string },
): TemporalBinary {
  return { path, source, version: version.cli, serverVersion: version.server, notes: search.notes };
}

function adviceFor(search: Search): string {
  return [
    'No Temporal development server was found, and none could be downloaded or built:',
    ...search.tried.map((line) => `  - ${line}`),
    `Install the Temporal CLI (https://docs.temporal.io/cli, with server ${MIN_SERVER_VERSION} or newer) or Go (https://go.dev/dl),`,
    `or set PERDURE_TEMPORAL_BIN to a Temporal CLI, or TEMPORAL_ADDRESS to a running server.`,
  ].join('\n');
}
