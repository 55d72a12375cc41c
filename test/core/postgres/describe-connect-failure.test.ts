import { expect, test } from 'vitest';
import { describeConnectFailure } from '../../../core/postgres/describe-connect-failure.ts';

const withCode = (code: string): Error => Object.assign(new Error('failed'), { code });

test.each([
  ['57P03', 'is starting, stopping or recovering (57P03)'],
  ['53300', 'has no free connection (53300)'],
  ['ECONNREFUSED', 'is not reachable (ECONNREFUSED)'],
])('a server that fails with %s may accept the connection later', (code, found) => {
  expect(describeConnectFailure(withCode(code))).toMatchObject({ found, mayPass: true });
});

test.each(['28P01', '3D000', '25006', 'CERT_HAS_EXPIRED'])(
  'a server that fails with %s does so until a setting is corrected',
  (code) => {
    expect(describeConnectFailure(withCode(code)).mayPass).toBeUndefined();
  },
);
