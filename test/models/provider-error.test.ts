import { expect, test } from 'vitest';
import { parseRetryAfter, providerError } from '../../models/provider-error.ts';

const NOW = Date.parse('2026-05-01T12:00:00Z');
const fail = (httpStatus: number | null, code: string | null = null, headers: Record<string, string> = {}) =>
  providerError({ provider: 'p', httpStatus, code, headers: new Headers(headers) }, NOW);

test.each([
  [429, null, 'rate_limited', true],
  [429, 'insufficient_quota', 'quota_exhausted', false],
  [429, 'credit_balance_too_low', 'quota_exhausted', false],
  [402, null, 'quota_exhausted', false],
  [408, null, 'timeout', true],
  [409, 'lock_timeout', 'server_error', true],
  [500, null, 'server_error', true],
  [502, null, 'server_error', true],
  [503, null, 'server_error', true],
  [504, null, 'timeout', true],
  [529, 'overloaded_error', 'server_error', true],
  [400, null, 'invalid_request', false],
  [400, 'context_length_exceeded', 'too_large', false],
  [413, null, 'too_large', false],
  [401, 'invalid_api_key', 'authentication', false],
  [403, null, 'authentication', false],
  [404, 'model_not_found', 'invalid_request', false],
  [422, null, 'invalid_request', false],
  [null, 'rate_limit_exceeded', 'rate_limited', true],
  [null, 'insufficient_quota', 'quota_exhausted', false],
  [null, 'server_error', 'server_error', true],
  [null, 'invalid_prompt', 'invalid_request', false],
  [null, null, 'server_error', true],
])('status %s with code %s is %s, retryable: %s', (status, code, reason, retryable) => {
  expect(fail(status, code)).toMatchObject({ reason, retryable, httpStatus: status });
});

test.each([
  ['retry-after', '7', 7_000],
  ['retry-after', '0.5', 500],
  ['retry-after', '86400', 86_400_000],
  ['retry-after', 'Fri, 01 May 2026 12:00:30 GMT', 30_000],
  ['retry-after', 'Fri, 01 May 2026 11:00:00 GMT', 0],
  ['retry-after', 'soon', null],
  ['retry-after-ms', '1500', 1_500],
])('%s: %s asks to wait %s ms', (name, value, ms) => {
  expect(parseRetryAfter(new Headers({ [name]: value }), NOW)).toBe(ms);
});

test('milliseconds win over seconds', () => {
  expect(fail(429, null, { 'retry-after': '2', 'retry-after-ms': '1200' }).retryAfterMs).toBe(1_200);
});

test('a failure that is not retried carries no time to wait', () => {
  expect(fail(429, 'insufficient_quota', { 'retry-after': '2' }).retryAfterMs).toBeNull();
});

test.each(['sk-proj-12345', 'a message with spaces', 'x'.repeat(100)])('the code %s is not repeated', (code) => {
  expect(fail(400, code).message).not.toContain(code);
});

test('a message names provider, status, code and what to do', () => {
  expect(fail(401, 'invalid_api_key').message).toBe(
    'The provider p failed the model call (status 401, code invalid_api_key): authentication. Check the API key and its permissions.',
  );
});
