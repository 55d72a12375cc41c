import { expect, test } from 'vitest';
import { providerFailure } from '../../../activities/run/provider-failure.ts';
import { providerError } from '../../../models/provider-error.ts';

const RETRY = { maxAttempts: 3, initialIntervalMs: 100, backoffCoefficient: 2, maxIntervalMs: 1_000 };

function failure(httpStatus: number, attempt: number, retry = RETRY): string | undefined {
  const error = providerError({ provider: 'openai', httpStatus, code: null }, 0);
  return providerFailure(error, retry, attempt).message;
}

test('a failure says that the provider is asked again only where it is', () => {
  const said = 'The provider openai failed the model call (status 500): server_error.';
  expect(failure(500, 1)).toBe(`${said} It is asked again.`);
  expect(failure(500, 3)).toBe(`${said} It was tried 3 times.`);
  expect(failure(500, 1, { ...RETRY, maxAttempts: 1 })).toBe(`${said} It was tried once.`);
  expect(failure(429, 1)).toMatch(/rate_limited\. It is asked again\.$/);
  expect(failure(401, 1)).toMatch(/authentication\. Check the API key and what it may use\.$/);
});
