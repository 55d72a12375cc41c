import { fetch, type Response } from 'undici';
import { z } from 'zod';
import { ToolError, defineTool, type Tool } from '../define-tool.ts';
import { checkHost, guardedAgent, type GuardOptions } from './guarded-agent.ts';

export interface HttpFetchOptions extends GuardOptions {
  /** Timeout of a call in ms, redirects included. Default 8,000. */
  readonly timeoutMs?: number;
}

interface Page {
  /** The address of the page, after redirects. */
  readonly url: string;
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  /** True when the body exceeds 200 KB: `text` is its beginning. */
  readonly truncated: boolean;
}

const MAX_REDIRECTS = 5;
const MAX_BYTES = 200_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const HEADERS = { accept: 'text/*, application/json, application/xml;q=0.9', 'user-agent': 'perdure-http-fetch/1' };

/** Reads text by GET from public addresses. Every redirect is checked like the first URL. */
export function createHttpFetch(options: HttpFetchOptions = {}): Tool {
  return defineTool({
    name: 'http_fetch',
    description:
      'Fetches a public web page or API by GET and returns its text (HTML, plain text, JSON or XML; at most 200 KB). Follows up to 5 redirects.',
    parameters: z.strictObject({ url: z.string().max(4_000).describe('An http or https URL') }),
    idempotent: true,
    timeoutMs: 10_000,
    retry: { maxAttempts: 2 },
    execute: async ({ url }, { signal }) => {
      const timeoutMs = options.timeoutMs ?? 8_000;
      const timeout = AbortSignal.timeout(timeoutMs);
      const agent = guardedAgent(options);
      try {
        return await fetchPage(checkedUrl(url, options), {
          agent,
          guard: options,
          signal: AbortSignal.any([signal, timeout]),
        });
      } catch (error) {
        signal.throwIfAborted();
        throw timeout.aborted ? new Error(`The page took longer than ${timeoutMs} ms.`) : plainError(error);
      } finally {
        await agent.destroy();
      }
    },
  });
}

/** {@link createHttpFetch} with the system's resolver. */
export const httpFetch = createHttpFetch();

interface Exchange {
  readonly agent: ReturnType<typeof guardedAgent>;
  readonly guard: GuardOptions;
  readonly signal: AbortSignal;
}

async function fetchPage(start: URL, { agent, guard, signal }: Exchange): Promise<Page> {
  let url = start;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await fetch(url, { dispatcher: agent, redirect: 'manual', headers: HEADERS, signal });
    const location = REDIRECTS.has(response.status) ? response.headers.get('location') : null;
    if (location === null) return await readPage(url, response);
    await response.body?.cancel();
    url = checkedUrl(location, guard, url);
  }
  throw new ToolError(`The page redirects more than ${MAX_REDIRECTS} times.`);
}

function checkedUrl(text: string, guard: GuardOptions, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  const where = base === undefined ? 'The URL' : 'The page redirects to a URL that';
  if (url === null) throw new ToolError(`${where} is not valid. Use one such as https://example.com/page.`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new ToolError(`${where} begins with ${url.protocol}, which is refused. Use http: or https:.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new ToolError(`${where} carries a user name or password, which is refused. Leave them out.`);
  }
  checkHost(url, guard);
  return url;
}

async function readPage(url: URL, response: Response): Promise<Page> {
  const contentType = response.headers.get('content-type') ?? '';
  const page = { url: url.href, status: response.status, contentType };
  if (response.body === null) return { ...page, text: '', truncated: false };
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!/^text\/|^application\/(?:[^;]*\+)?(?:json|xml)$/.test(type)) {
    await response.body.cancel();
    throw new ToolError(
      `The page (HTTP status ${response.status}) is ${type === '' ? 'of no declared type' : type}, not text, JSON or XML.`,
    );
  }
  const { bytes, truncated } = await readBytes(response.body);
  return { ...page, text: decoderOf(contentType).decode(bytes, { stream: truncated }), truncated };
}

async function readBytes(body: NonNullable<Response['body']>): Promise<{ bytes: Uint8Array; truncated: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the body: the rest is neither received nor decompressed.
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > MAX_BYTES) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, MAX_BYTES), truncated: size > MAX_BYTES };
}

function decoderOf(contentType: string) {
  const charset = /charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1];
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}

/** `fetch` rejects with "fetch failed"; the reason is in its causes. */
function plainError(error: unknown): unknown {
  let cause = error;
  while (!(cause instanceof ToolError) && cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
  if (cause instanceof ToolError) return cause;
  const { code, message } = cause as { code?: string; message?: string };
  return new Error(`The page could not be fetched: ${message || code || 'no reason was given'}.`, { cause: error });
}
