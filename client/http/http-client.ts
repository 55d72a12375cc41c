import { PerdureError } from '../../contracts/errors.ts';
import { GatewayUnreachableError } from './gateway-unreachable-error.ts';
import { readProblem } from './problem.ts';
import { readText } from './read-text.ts';

export interface GatewayClientOptions {
  /** Base URL of the gateway. Default `http://127.0.0.1:4747`. */
  readonly url?: string | undefined;
  /** Owner of the sessions, sent as `Perdure-User`; a gateway with authentication requires it for a credential of the role `service`, and otherwise takes the user from the credential. Default: the gateway's default, `local`. */
  readonly user?: string | undefined;
  /**
   * Bearer token; it determines the user. A function is called for each request, so that it can renew a token that expires; its
   * rejection is that of the request.
   */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** For operators: the owner of the sessions and runs that are read, cancelled and resumed by id. Default: the user itself. */
  readonly of?: string | undefined;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Limit for one request in ms: for streams until the response begins, otherwise until its body is read. A `wait` is added to it. Default 60,000. */
  readonly timeoutMs?: number | undefined;
}

const DEFAULT_GATEWAY_URL = 'http://127.0.0.1:4747';
const DEFAULT_TIMEOUT_MS = 60_000;

/** The content of a file: a `Blob`, such as Node's `openAsBlob(path)` returns, is not held in memory. */
export type FileContent = Blob | Uint8Array<ArrayBuffer> | string | ReadableStream<Uint8Array>;

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path segments, not yet percent-encoded. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: object;
  /** A body that is no JSON, with its type in `headers`. A stream is sent as it is read, and cannot be sent again. */
  readonly content?: FileContent;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** A status other than 2xx that is a result here, not an error. */
  readonly alsoAccept?: number;
  /** How long the gateway may wait before it responds, beyond the usual timeout. */
  readonly waitMs?: number;
}

/**
 * Requests to one gateway. Every method rejects with a PerdureError for a problem response, with a
 * {@link GatewayUnreachableError} when the connection fails or times out, and with the signal's reason.
 */
export interface HttpClient {
  /** Resolves with status and JSON body. */
  json(request: HttpRequest): Promise<{ readonly status: number; readonly body: unknown }>;
  /** Discards the response body. */
  discard(request: HttpRequest): Promise<void>;
  /** Resolves when the response begins; the caller reads or cancels its body. */
  stream(request: HttpRequest): Promise<Response>;
}

export function createHttpClient(options: GatewayClientOptions): HttpClient {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const url = (options.url ?? DEFAULT_GATEWAY_URL).replace(/\/+$/, '');
  const fetch = options.fetch ?? globalThis.fetch;
  // Header values are Latin-1; a user may have any name.
  const common = options.user === undefined ? {} : { 'perdure-user': encodeURIComponent(options.user) };

  function fetchOnce(
    { method = 'GET', path, query = {}, body, content, headers }: HttpRequest,
    signal: AbortSignal,
    token: string | undefined,
  ) {
    const target = `${url}/${path.map(encodeSegment).join('/')}${encodeQuery(query)}`;
    return fetch(target, {
      method,
      headers: {
        ...common,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // Without `duplex`, Node refuses a stream.
      ...(content === undefined ? {} : { body: content, duplex: 'half' }),
      signal,
    });
  }

  async function exchange<T>(request: HttpRequest, read: (response: Response) => Promise<T>): Promise<T> {
    const token = typeof options.token === 'function' ? await options.token() : options.token;
    const limitMs = timeoutMs + (request.waitMs ?? 0);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), limitMs);
    const signal = request.signal === undefined ? deadline.signal : AbortSignal.any([request.signal, deadline.signal]);
    try {
      const response = await fetchOnce(request, signal, token);
      if (!response.ok && response.status !== request.alsoAccept) throw await readProblem(response);
      return await read(response);
    } catch (error) {
      if (error instanceof PerdureError && !deadline.signal.aborted) throw error;
      request.signal?.throwIfAborted();
      throw new GatewayUnreachableError(url, {
        cause: error,
        ...(deadline.signal.aborted ? { timeoutMs: limitMs } : {}),
      });
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    json: (request) =>
      exchange(request, async (response) => ({
        status: response.status,
        body: parseJson(await readText(response), url),
      })),
    discard: (request) => exchange(request, async (response) => await response.body?.cancel()),
    stream: (request) => exchange(request, async (response) => response),
  };
}

function parseJson(text: string, url: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const message = `The response from ${url} is not JSON. Check that a Perdure gateway runs there.`;
    throw new PerdureError('internal', message, { cause: error });
  }
}

/** URL parsers resolve `.` and `..` even when percent-encoded. */
function encodeSegment(segment: string): string {
  if (segment === '.' || segment === '..' || segment === '') {
    throw new PerdureError(
      'invalid_request',
      `The id ${JSON.stringify(segment)} cannot be part of a URL path. Use another.`,
    );
  }
  return encodeURIComponent(segment);
}

function encodeQuery(query: NonNullable<HttpRequest['query']>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) given.set(name, String(value));
  }
  return given.size === 0 ? '' : `?${given.toString()}`;
}
