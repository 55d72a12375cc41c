import { PerdureError } from '../contracts/errors.ts';
import { BinaryCache } from './binary-cache.ts';
import { buildTemporal } from './build-temporal.ts';
import { downloadTemporal, downloadUrl } from './download-temporal.ts';
import { findProgram, type EnvVars } from './find-program.ts';
import { isNewEnough, MIN_SERVER_VERSION, TEMPORAL_CLI_VERSION, temporalVersionOf } from './temporal-version.ts';

/** A Temporal CLI that can be run as the development server. */
export interface TemporalBinary {
  readonly path: string;
  /** Of the CLI. */
  readonly version: string;
  readonly serverVersion: string;
  readonly source: 'configured' | 'path' | 'cache' | 'download' | 'go';
  /** What the user should know, such as a program that was passed over. */
  readonly notes: readonly string[];
}

export interface ProvideTemporalOptions {
  /** Default `process.env`. */
  readonly env?: EnvVars;
  /** Called with a line to show, at least every 3 s while something takes long. */
  readonly onProgress?: (line: string) => void;
}

/** What is being looked for, and what was tried in vain so far. */
interface Search {
  readonly env: EnvVars;
  readonly onProgress: (line: string) => void;
  readonly cache: BinaryCache;
  readonly tried: string[];
  readonly notes: string[];
}

/**
 * Finds a Temporal CLI, or gets one: `PERDURE_TEMPORAL_BIN`, `temporal` on the PATH, the cache, the official
 * download, a build with a Go toolchain. Safe to call from several processes at once: one fills the cache.
 * @throws {PerdureError} `temporal_unavailable`, with what was tried and what to do.
 */
export async function provideTemporalBinary(options: ProvideTemporalOptions = {}): Promise<TemporalBinary> {
  const { env = process.env, onProgress = () => {} } = options;
  const cache = new BinaryCache(env, 'temporal', TEMPORAL_CLI_VERSION);
  const search: Search = { env, onProgress, cache, tried: [], notes: [] };
  const found = (await configured(search)) ?? (await onPath(search)) ?? (await cached(search));
  if (found !== null) return found;
  const waiting = (): void => onProgress('waiting: another process is fetching or building Temporal');
  const made = await cache.exclusively(async () => (await cached(search)) ?? (await fetchOrBuild(search)), waiting);
  if (made !== null) return made;
  throw new PerdureError('temporal_unavailable', adviceFor(search));
}

async function configured(search: Search): Promise<TemporalBinary | null> {
  const path = search.env['PERDURE_TEMPORAL_BIN'];
  if (!path) return null;
  const version = await temporalVersionOf(path);
  if (version !== null && isNewEnough(version)) return binary(search, path, 'configured', version);
  const problem = version === null ? 'does not run as a Temporal CLI' : `brings server ${version.server}`;
  throw new PerdureError(
    'temporal_unavailable',
    `PERDURE_TEMPORAL_BIN is ${path}, which ${problem}. Name a Temporal CLI with server ${MIN_SERVER_VERSION} or newer, or unset it.`,
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
  const problem = version === null ? 'is no Temporal CLI that runs' : `brings server ${version.server}`;
  search.tried.push(`${path} ${problem}; server ${MIN_SERVER_VERSION} or newer is needed`);
  search.notes.push(`${path} was passed over: it ${problem}, and server ${MIN_SERVER_VERSION} or newer is needed.`);
  return null;
}

async function cached(search: Search): Promise<TemporalBinary | null> {
  const { cache } = search;
  const state = await cache.check();
  if (state === 'changed') {
    const note = `${cache.path} does not match its checksum and is replaced.`;
    if (!search.notes.includes(note)) search.notes.push(note);
  }
  const version = state === 'good' ? await temporalVersionOf(cache.path) : null;
  return version === null ? null : binary(search, cache.path, 'cache', version);
}

/** Called by the one process that holds the cache's lock. */
async function fetchOrBuild(search: Search): Promise<TemporalBinary | null> {
  const url = downloadUrl(TEMPORAL_CLI_VERSION, search.env);
  if (url === null) search.tried.push('the download is switched off (PERDURE_TEMPORAL_DOWNLOAD)');
  else {
    search.onProgress(`downloading Temporal ${TEMPORAL_CLI_VERSION} from ${new URL(url).host}`);
    const got = await attempt(search, 'download', url, (folder) =>
      downloadTemporal(url, folder, search.env, search.onProgress),
    );
    if (got !== null) return got;
  }
  const go = findProgram('go', search.env);
  if (go === null) {
    search.tried.push('no Go toolchain ("go") on the PATH');
    return null;
  }
  search.onProgress(`building Temporal ${TEMPORAL_CLI_VERSION} with ${go}: some minutes, once`);
  return attempt(search, 'go', `a build with ${go}`, (folder) =>
    buildTemporal(go, folder, search.env, search.onProgress),
  );
}

/** Gets a program in a work folder, tries it, and moves it into the cache; null, with the reason written down, when that fails. */
async function attempt(
  search: Search,
  source: 'download' | 'go',
  what: string,
  get: (folder: string) => Promise<string>,
): Promise<TemporalBinary | null> {
  return search.cache.inWorkFolder(async (folder) => {
    try {
      const program = await get(folder);
      const version = await temporalVersionOf(program);
      if (version === null || !isNewEnough(version)) throw new Error('gave a program that is no such Temporal CLI');
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
    'No Temporal development server could be found, fetched or built:',
    ...search.tried.map((line) => `  - ${line}`),
    `Install the Temporal CLI (https://docs.temporal.io/cli, with server ${MIN_SERVER_VERSION} or newer) or Go (https://go.dev/dl),`,
    `or set PERDURE_TEMPORAL_BIN to a Temporal CLI, or TEMPORAL_ADDRESS to a running server.`,
  ].join('\n');
}
