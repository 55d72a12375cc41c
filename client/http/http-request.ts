import { PerdureError } from '../../contracts/errors.ts';
import { GatewayUnreachableError, readProblem } from './problem.ts';

export interface GatewayOptions {
  /** Default `http://127.0.0.1:4747`. */
  readonly url?: string | undefined;
  /** Whose sessions; only where the gateway has no authentication. Default: the gateway's, `local`. */
  readonly user?: string | undefined;
  /** Sent as bearer token. */
  readonly token?: string | undefined;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

const DEFAULT_GATEWAY_URL = 'http://127.0.0.1:4747';

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Its parts, each still to be percent-encoded. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** A status beyond 2xx that is an answer here, not a problem. */
  readonly alsoFine?: number;
}

/** Sends one request. Resolves with 2xx answers only; rejects with a PerdureError, a {@link GatewayUnreachableError}, or the signal's reason. */
export type SendRequest = (request: HttpRequest) => Promise<Response>;

export function createSendRequest(options: GatewayOptions): SendRequest {
  const url = (options.url ?? DEFAULT_GATEWAY_URL).replace(/\/+$/, '');
  const fetch = options.fetch ?? globalThis.fetch;
  const common = {
    // Header values are Latin-1; a user may be called anything.
    ...(options.user === undefined ? {} : { 'perdure-user': encodeURIComponent(options.user) }),
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
  };

  return async function sendRequest({ method = 'GET', path, query = {}, body, headers, signal, alsoFine }) {
    const target = `${url}/${path.map(encodePart).join('/')}${encodeQuery(query)}`;
    const response = await fetch(target, {
      method,
      headers: { ...common, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw new GatewayUnreachableError(url, error);
    });
    if (!response.ok && response.status !== alsoFine) throw await readProblem(response);
    return response;
  };
}

/** URLs resolve these two even when they are percent-encoded. */
function encodePart(part: string): string {
  if (part === '.' || part === '..' || part === '') {
    throw new PerdureError('invalid_request', `The id ${JSON.stringify(part)} cannot stand in a URL. Use another.`);
  }
  return encodeURIComponent(part);
}

function encodeQuery(query: NonNullable<HttpRequest['query']>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) given.set(name, String(value));
  }
  return given.size === 0 ? '' : `?${given.toString()}`;
}
