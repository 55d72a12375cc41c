import type { Readable } from 'node:stream';
import { Agent, EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { LIMITS } from '../../../contracts/limits.ts';
import { decodeBody } from './decode-body.ts';

/** The part of `fetch` that calls to providers use. */
export type ProviderFetch = (url: string, init: RequestInit) => Promise<Response>;

/** What `fetch` adds to a request, without `deflate`: servers implement that coding in two ways. */
const HEADERS = { 'accept-language': '*', 'sec-fetch-mode': 'cors', 'accept-encoding': 'gzip' };
const SECURE_HEADERS = { ...HEADERS, 'accept-encoding': 'br, gzip, zstd' };

/**
 * A `fetch` without time limits of its own: `callProvider` has one. Node's gives up after five minutes without headers or
 * without data, whatever limit is set. Uses the proxies of the environment where Node's would. It follows no redirect.
 *
 * It sends the headers of undici's `fetch`, but uses no web streams, which take a third of a call's processor time: the
 * body of a successful response is a Node stream, to be read with `for await`. Calls beyond `connections` to one origin
 * wait for a connection.
 */
export function createUnhurriedFetch(connections: number): ProviderFetch {
  let dispatcher: Dispatcher | null = null;
  return async (url, { method = 'GET', headers, body, signal }) => {
    signal?.throwIfAborted();
    dispatcher ??= createDispatcher(connections);
    const added = url.startsWith('https:') ? SECURE_HEADERS : HEADERS;
    const response = request(url, {
      dispatcher,
      method,
      headers: { ...added, ...Object.fromEntries(new Headers(headers)) },
      body: body as string,
      signal: signal ?? null,
    });
    const received = await (signal ? untilAborted(response, signal) : response).catch((error: unknown) => {
      signal?.throwIfAborted();
      // The form that the `openai` package expects of `fetch`. Without it, a refusal of a proxy would count as an abort.
      throw new TypeError('fetch failed', { cause: error });
    });
    try {
      return responseOf(received);
    } catch (error) {
      received.body.on('error', () => undefined).destroy();
      throw error;
    }
  };
}

export const unhurriedFetch = createUnhurriedFetch(LIMITS.providerConnections.value);

/** undici ends a request that still waits for its connection only when it gets one. */
async function untilAborted<T>(response: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([response, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function responseOf({ statusCode: status, headers: received, body: raw }: Dispatcher.ResponseData): Response {
  const headers = headersOf(received);
  const response = new Response(null, { status, headers });
  const decoded = decodeBody(raw, headers.get('content-encoding'));
  // The body of a failure is read like that of any `fetch`.
  const body = response.ok ? decoded : toWeb(decoded);
  return Object.defineProperty(response, 'body', { value: body });
}

/** `Readable.toWeb` throws in the background when a stream with data is cancelled. */
function toWeb(body: Readable): ReadableStream<Uint8Array> {
  const pieces = body.on('error', () => undefined)[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value as Uint8Array);
    },
    cancel: () => void body.destroy(),
  });
}

function headersOf(received: Dispatcher.ResponseData['headers']): Headers {
  const headers = new Headers();
  for (const [name, values = ''] of Object.entries(received)) {
    for (const value of Array.isArray(values) ? values : [values]) headers.append(name, value);
  }
  return headers;
}

function createDispatcher(connections: number): Dispatcher {
  const options = { headersTimeout: 0, bodyTimeout: 0, connections };
  const usesProxies = process.env['NODE_USE_ENV_PROXY'] === '1' || process.execArgv.includes('--use-env-proxy');
  return usesProxies ? new EnvHttpProxyAgent(options) : new Agent(options);
}
