import type { ProviderFetch } from './unhurried-fetch.ts';

/** More of an error's body is not read. */
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_ERROR_MS = 5_000;
const MAX_REDIRECTS = 3;

/** The key of the original body in the `error` of a failed response. See {@link wrapErrors}. */
export const ERROR_BODY = 'body';

/**
 * Wraps a `fetch` for calls to providers. A redirect is followed only if it keeps the method and the host, so neither a
 * conversation nor a key goes elsewhere; other redirects are returned. The body of every other failed response becomes
 * `{"error": {"body": …}}`, with at most 64 KiB of it, because the `openai` package reads it without a limit and drops what is not
 * in OpenAI's format.
 */
export function wrapErrors(fetch: ProviderFetch): typeof globalThis.fetch {
  return async (input, init) => {
    let url = input instanceof Request ? input.url : String(input);
    for (let redirects = 0; ; redirects++) {
      const response = await fetch(url, { ...init, redirect: 'manual' });
      const next = redirects < MAX_REDIRECTS ? redirectOf(url, response) : null;
      if (next === null) return response.ok ? response : await wrapped(response);
      await response.body?.cancel();
      url = next;
    }
  };
}

function redirectOf(url: string, { status, headers }: Response): string | null {
  if (status !== 307 && status !== 308) return null;
  const from = new URL(url);
  const to = URL.parse(headers.get('location') ?? '', url);
  const secure = to?.protocol === from.protocol || (from.protocol === 'http:' && to?.protocol === 'https:');
  return to && secure && to.hostname === from.hostname ? to.href : null;
}

async function wrapped(response: Response): Promise<Response> {
  const { status, headers } = response;
  const text = await readStart(response);
  // The headers describe the original body.
  const kept = new Headers([...headers].filter(([name]) => !name.startsWith('content-')));
  kept.set('content-type', 'application/json');
  const body = JSON.stringify({ error: { [ERROR_BODY]: parsed(text) } });
  return new Response(status === 304 ? null : body, { status, headers: kept });
}

/** The beginning of a body, as far as it comes: the status alone says what failed. */
async function readStart({ body }: Response): Promise<string> {
  if (body === null) return '';
  const reader = body.getReader();
  const timer = setTimeout(() => void reader.cancel().catch(() => undefined), MAX_ERROR_MS);
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (let bytes = 0; bytes <= MAX_ERROR_BYTES;) {
      const { done, value } = await reader.read();
      if (done) return text;
      text += decoder.decode(value, { stream: true });
      bytes += value.byteLength;
    }
    await reader.cancel();
  } catch {
    // What was read before the connection broke is enough.
  } finally {
    clearTimeout(timer);
  }
  return text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
