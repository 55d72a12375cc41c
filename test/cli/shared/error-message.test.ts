import { expect, test } from 'vitest';
import { GatewayUnreachableError } from '../../../client/http/gateway-unreachable-error.ts';
import { errorMessage } from '../../../cli/shared/error-message.ts';
import { PerdureError } from '../../../contracts/errors.ts';

test('an unreachable gateway is a sentence with the options of the command line, and the cause unless nothing listens', () => {
  const url = 'https://perdure.example';
  const because = (code: string) => {
    const cause = new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) });
    return errorMessage(new GatewayUnreachableError(url, { cause }), {});
  };
  const remedy = 'Start one with `perdure start`, or set the address of another with --url or PERDURE_URL.';
  expect(because('ECONNREFUSED')).toBe(`No gateway is reachable at ${url}. ${remedy}`);
  expect(because('CERT_HAS_EXPIRED')).toBe(`No gateway is reachable at ${url} (CERT_HAS_EXPIRED). ${remedy}`);
});

test.each(['nonsense', '127.0.0.1:4747', 'ftp://127.0.0.1'])(
  'an address that is no URL of HTTP is named: %s',
  (url) => {
    expect(errorMessage(new GatewayUnreachableError(url), {})).toBe(
      `The address of the gateway is "${url}", which is not a URL. Set --url or PERDURE_URL to one such as http://127.0.0.1:4747.`,
    );
  },
);

test('a missing token names its variable, and a wrong one what is wrong with it', () => {
  const error = new PerdureError('unauthenticated', 'The token has expired.');
  expect(errorMessage(error, {})).toBe('The gateway requires a token. Set PERDURE_TOKEN to yours.');
  expect(errorMessage(error, { PERDURE_TOKEN: 'x' })).toBe(
    'The token has expired. The token is that of PERDURE_TOKEN.',
  );
});
