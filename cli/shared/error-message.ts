import { PerdureError } from '../../contracts/errors.ts';
import { GatewayUnreachableError } from '../../client/http/gateway-unreachable-error.ts';

/** The message of an error, with the remedies of the command line: its options and variables instead of the library's. */
export function errorMessage(error: unknown, env: NodeJS.ProcessEnv): string {
  if (error instanceof GatewayUnreachableError && !error.timedOut) return unreachable(error);
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof PerdureError) || error.code !== 'unauthenticated') return message;
  return env['PERDURE_TOKEN'] === undefined
    ? 'The gateway requires a token. Set PERDURE_TOKEN to yours.'
    : `${message} The token is that of PERDURE_TOKEN.`;
}

function unreachable({ url, cause }: GatewayUnreachableError): string {
  if (!/^https?:/i.test(url) || !URL.canParse(url)) {
    return `The address of the gateway is ${JSON.stringify(url)}, which is not a URL. Set --url or PERDURE_URL to one such as http://127.0.0.1:4747.`;
  }
  const code = codeOf(cause);
  // That nothing listens there is the usual reason.
  const reason = code === undefined || code === 'ECONNREFUSED' ? '' : ` (${code})`;
  return `No gateway is reachable at ${url}${reason}. Start one with \`perdure start\`, or set the address of another with --url or PERDURE_URL.`;
}

/** The code of the innermost error that has one, such as `ENOTFOUND` or `CERT_HAS_EXPIRED`. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  return codeOf(error.cause) ?? (typeof code === 'string' ? code : undefined);
}
