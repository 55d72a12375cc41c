import { expect, test } from 'vitest';
import { modelFailure } from '../../../activities/run/model-failure.ts';
import { providerError } from '../../../models/provider-error.ts';

const RETRY = { maxAttempts: 3, initialIntervalMs: 100, backoffCoefficient: 2, maxIntervalMs: 1_000 };

function failure(httpStatus: number, attempt: number, retry = RETRY): string | undefined {
  const error = providerError({ provider: 'openai', httpStatus, code: null }, 0);
  return modelFailure(error, retry, attempt).message;
}

test('a failure says whether the call is retried', () => {
  const said = 'The provider openai failed the model call (status 500): server_error.';
  expect(failure(500, 1)).toBe(`${said} It will be retried.`);
  expect(failure(500, 3)).toBe(`${said} Gave up after 3 attempts.`);
  expect(failure(500, 1, { ...RETRY, maxAttempts: 1 })).toBe(`${said} Gave up after 1 attempt.`);
  expect(failure(429, 1)).toMatch(/rate_limited\. It will be retried\.$/);
  expect(failure(401, 1)).toMatch(/authentication\. Check the API key and its permissions\.$/);
});
