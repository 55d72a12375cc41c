/** The gateway at `url` could not be reached, closed the connection, or did not respond in time. */
export class GatewayUnreachableError extends Error {
  override readonly name = 'GatewayUnreachableError';
  readonly url: string;
  /** True when the request ran out of time; false when the connection failed. */
  readonly timedOut: boolean;

  constructor(url: string, options: { readonly cause?: unknown; readonly timeoutMs?: number } = {}) {
    super(messageOf(url, options.timeoutMs), { cause: options.cause });
    this.url = url;
    this.timedOut = options.timeoutMs !== undefined;
  }
}

function messageOf(url: string, timeoutMs: number | undefined): string {
  if (timeoutMs !== undefined) return `The gateway at ${url} did not respond within ${timeoutMs} ms. Try again.`;
  return `No gateway is reachable at ${url}. Start one with \`perdure start\`, or set the address of another: the option \`gateway\`, --url or PERDURE_URL.`;
}
