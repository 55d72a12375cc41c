import { expect, test } from 'vitest';
import { requiresAuthentication } from '../../../core/identity/requires-authentication.ts';

test('tokens, API keys or an issuer of tokens turn authentication on; a blank list of tokens does not', () => {
  const jwt = { issuer: 'https://login.example.com', audience: 'perdure' };
  expect([
    requiresAuthentication('token=ada', undefined),
    requiresAuthentication(undefined, { keys: true }),
    requiresAuthentication(undefined, { jwt }),
  ]).toEqual([true, true, true]);
  expect([
    requiresAuthentication(undefined, undefined),
    requiresAuthentication('  ', {}),
    requiresAuthentication(undefined, { keys: false }),
  ]).toEqual([false, false, false]);
});
