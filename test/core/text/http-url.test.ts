import { expect, test } from 'vitest';
import { httpUrl } from '../../../core/text/http-url.ts';

test('only an IPv6 address stands in brackets', () => {
  expect(httpUrl('127.0.0.1', 4747)).toBe('http://127.0.0.1:4747');
  expect(httpUrl('perdure.internal', 80)).toBe('http://perdure.internal:80');
  expect(httpUrl('::1', 4747)).toBe('http://[::1]:4747');
});
