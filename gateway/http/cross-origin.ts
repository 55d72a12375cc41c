import { isLoopback } from './loopback.ts';

/** The last two are those of the Temporal UI, which sends its user's id token beside the access token. */
const REQUEST_HEADERS =
  'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Perdure-User, Prefer, Traceparent, Authorization-Extras, X-Namespace';
const RESPONSE_HEADERS = 'Preference-Applied, Retry-After, X-Request-Id';
/** The most that a browser accepts, in seconds. */
const PREFLIGHT_AGE_S = 7_200;

/** Which pages of other origins may call the gateway (CORS). */
export interface CrossOrigin {
  /** Sets the headers that let the calling page read a response, if its origin is allowed. */
  allow(request: Request, response: Response): void;
  /** The response to `OPTIONS` of a path that has `methods`. */
  preflight(request: Request, methods: readonly string[]): Response;
}

/**
 * `origins`: `PERDURE_ORIGINS`, separated by commas. They count with authentication only; without it, the pages of
 * loopback addresses are allowed, and no others. Throws an Error that names an invalid entry.
 */
export function crossOriginFrom(origins: string | undefined, authenticated: boolean): CrossOrigin {
  const listed = new Set(parseOrigins(origins));
  const isAllowed = (origin: string, host: string): boolean => {
    if (authenticated) return listed.has(origin);
    // Of a request for another host, such as one that resolves to loopback, nothing is readable.
    return isLoopback(URL.parse(origin)?.hostname ?? '') && isLoopback(host);
  };

  function allow(request: Request, response: Response): void {
    response.headers.append('vary', 'Origin');
    const origin = request.headers.get('origin');
    if (origin === null || !isAllowed(origin, new URL(request.url).hostname)) return;
    response.headers.set('access-control-allow-origin', origin);
    response.headers.set('access-control-expose-headers', RESPONSE_HEADERS);
  }

  return {
    allow,
    preflight(request, methods) {
      const response = new Response(null, { status: 204, headers: { allow: methods.join(', ') } });
      allow(request, response);
      if (!response.headers.has('access-control-allow-origin')) return response;
      response.headers.delete('access-control-expose-headers');
      response.headers.set('access-control-allow-methods', methods.join(', '));
      response.headers.set('access-control-allow-headers', REQUEST_HEADERS);
      response.headers.set('access-control-max-age', String(PREFLIGHT_AGE_S));
      return response;
    },
  };
}

function parseOrigins(text = ''): string[] {
  const entries = text.split(',').map((entry) => entry.trim());
  return entries
    .filter((entry) => entry !== '')
    .map((entry) => {
      if (URL.parse(entry)?.origin === entry.replace(/\/$/, '').toLowerCase())
        return entry.replace(/\/$/, '').toLowerCase();
      throw new Error(
        `PERDURE_ORIGINS: ${JSON.stringify(entry)} is not an origin. Use scheme, host and port only, such as https://app.example.com.`,
      );
    });
}
