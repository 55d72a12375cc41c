import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { EnvHttpProxyAgent, fetch, type Response } from 'undici';
import { baseEnv } from './child-env.ts';
import type { EnvVars } from './find-program.ts';

/** Short, so that a machine without internet access continues soon. */
const CONNECT_TIMEOUT_MS = 4_000;
const HEADERS_TIMEOUT_MS = 15_000;
const STALLED_AFTER_MS = 30_000;
const PROGRESS_EVERY_MS = 1_000;

/**
 * Downloads the archive, unpacks it in `folder` and returns the path of the program. Uses the proxies of the
 * environment. The message of an error continues a sentence about the URL: `could not be reached (ENOTFOUND)`.
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
      httpProxy: env['HTTP_PROXY'] || env['http_proxy'] || '',
      httpsProxy: env['HTTPS_PROXY'] || env['https_proxy'] || '',
      noProxy: env['NO_PROXY'] || env['no_proxy'] || '',
    }),
  );
  const response = await fetch(url, { dispatcher: agent.value }).catch((error: unknown) => {
    throw new Error(`could not be reached (${reasonOf(error)})`, { cause: error });
  });
  if (!response.ok || response.body === null) throw new Error(`returned HTTP ${response.status}`);
  await save(response, archive, onProgress);
  await unpack(archive, folder, env);
  return join(folder, process.platform === 'win32' ? 'temporal.exe' : 'temporal');
}

async function save(response: Response, path: string, onProgress: (line: string) => void): Promise<void> {
  const total = Number(response.headers.get('content-length') ?? 0);
  let received = 0;
  let reportedAt = performance.now();
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      if (performance.now() - reportedAt > PROGRESS_EVERY_MS) {
        reportedAt = performance.now();
        onProgress(`downloading Temporal: ${megabytes(received)}${total > 0 ? ` of ${megabytes(total)}` : ''} MB`);
      }
      done(null, chunk);
    },
  });
  try {
    await pipeline(response.body ?? [], meter, createWriteStream(path));
  } catch (error) {
    throw new Error(`was interrupted after ${megabytes(received)} MB (${reasonOf(error)})`, { cause: error });
  }
}

/** `tar` is part of Linux, macOS and Windows 10, and detects the format of the archive. */
async function unpack(archive: string, folder: string, env: EnvVars): Promise<void> {
  try {
    await promisify(execFile)('tar', ['-xf', archive, '-C', folder], { env: baseEnv(env) });
  } catch (error) {
    throw new Error('is not an archive that "tar" can unpack', { cause: error });
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}

/** `fetch` rejects with "fetch failed"; the reason is in its causes. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reasonOf(error.cause);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

function closing(agent: EnvHttpProxyAgent): { value: EnvHttpProxyAgent } & AsyncDisposable {
  return { value: agent, [Symbol.asyncDispose]: () => agent.destroy() };
}
