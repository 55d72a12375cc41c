import { PerdureError } from '../../contracts/errors.ts';
import { isLoopback } from '../http/loopback.ts';

/** Without authentication: throws `forbidden` for a request that a page of another site may have caused. */
export function checkSite(request: Request): void {
  const { hostname } = new URL(request.url);
  if (!isLoopback(hostname)) {
    throw new PerdureError(
      'forbidden',
      `The host ${JSON.stringify(hostname)} is not a loopback address. Without authentication, call the gateway by localhost or 127.0.0.1, or turn authentication on (docs/identity.md).`,
    );
  }
  const origin = request.headers.get('origin');
  if (origin !== null && !isLoopback(URL.parse(origin)?.hostname ?? '')) {
    throw new PerdureError(
      'forbidden',
      `Pages of ${JSON.stringify(origin.slice(0, 200))} cannot call a gateway without authentication. Turn authentication on (docs/identity.md), and set PERDURE_ORIGINS.`,
    );
  }
}
