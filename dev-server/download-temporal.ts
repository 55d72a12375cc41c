import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { EnvHttpProxyAgent, fetch, type Response } from 'undici';
import type { EnvVars } from './find-program.ts';

/** The official address; `PERDURE_TEMPORAL_DOWNLOAD` names a mirror with the same paths, or is `off`. */
const OFFICIAL = 'https://temporal.download';

/** Short: a machine without internet is to find out soon. */
const CONNECT_TIMEOUT_MS = 4_000;
const HEADERS_TIMEOUT_MS = 15_000;
const STALLED_AFTER_MS = 30_000;
const PROGRESS_EVERY_MS = 1_000;

/** Where an archive of that version for this machine is; null when downloads are switched off. */
export function downloadUrl(version: string, env: EnvVars): string | null {
  const base = env['PERDURE_TEMPORAL_DOWNLOAD'] || OFFICIAL;
  if (base === 'off') return null;
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  return `${base.replace(/\/$/, '')}/cli/archive/v${version}?platform=${platform}&arch=${arch}`;
}

/**
 * Fetches the archive, unpacks it in `folder` and returns the path of the program in it. Proxies are taken
 * from the environment. Rejects with a short reason a user can read.
 */
export async function downloadTemporal(
  url: string,
  folder: string,
  env: EnvVars,
  onProgress: (line: string) => void,
): Promise<string> {
  const archive = join(folder, 'archive');
  await using agent = closing(
    new EnvHttpProxyAgent({
      connect: { timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: HEADERS_TIMEOUT_MS,
      bodyTimeout: STALLED_AFTER_MS,
      httpProxy: env['HTTP_PROXY'] ?? env['http_proxy'] ?? '',
      httpsProxy: env['HTTPS_PROXY'] ?? env['https_proxy'] ?? '',
      noProxy: env['NO_PROXY'] ?? env['no_proxy'] ?? '',
    }),
  );
  const response = await fetch(url, { dispatcher: agent.value }).catch((error: unknown) => {
    throw new Error(`could not be reached (${reasonOf(error)})`, { cause: error });
  });
  if (!response.ok || response.body === null) throw new Error(`answered ${response.status}`);
  await save(response, archive, onProgress);
  await unpack(archive, folder, env);
  return join(folder, process.platform === 'win32' ? 'temporal.exe' : 'temporal');
}

async function save(response: Response, path: string, onProgress: (line: string) => void): Promise<void> {
  const total = Number(response.headers.get('content-length') ?? 0);
  let received = 0;
  let saidAt = performance.now();
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      if (performance.now() - saidAt > PROGRESS_EVERY_MS) {
        saidAt = performance.now();
        onProgress(`downloading Temporal: ${megabytes(received)}${total > 0 ? ` of ${megabytes(total)}` : ''} MB`);
      }
      done(null, chunk);
    },
  });
  try {
    await pipeline(response.body ?? [], meter, createWriteStream(path));
  } catch (error) {
    throw new Error(`broke off after ${megabytes(received)} MB (${reasonOf(error)})`, { cause: error });
  }
}

/** `tar` is part of Linux, macOS and Windows 10, and knows by itself how the archive is packed. */
async function unpack(archive: string, folder: string, env: EnvVars): Promise<void> {
  try {
    await promisify(execFile)('tar', ['-xf', archive, '-C', folder], { env: { ...env } });
  } catch (error) {
    throw new Error('gave something that "tar" cannot unpack', { cause: error });
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}

/** undici says "fetch failed" and keeps what happened in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reasonOf(error.cause);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

function closing(agent: EnvHttpProxyAgent): { value: EnvHttpProxyAgent } & AsyncDisposable {
  return { value: agent, [Symbol.asyncDispose]: () => agent.destroy() };
}
