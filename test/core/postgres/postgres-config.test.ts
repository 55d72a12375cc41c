import { expect, test } from 'vitest';
import { postgresConfig } from '../../../core/postgres/postgres-config.ts';

test.for([
  [
    'postgres://ada:p%40ss@db:5433/perdure',
    { user: 'ada', password: 'p@ss', host: 'db', port: 5433, database: 'perdure' },
  ],
  ['postgresql://db/c%23%3F%25%2Fx', { database: 'c#?%/x' }],
  ['postgres://db/caf%C3%A9%20bar', { database: 'café bar' }],
  ['postgres://db/x?sslmode=disable', { database: 'x', ssl: false }],
  ['postgres://db/x?sslmode=verify-full', { ssl: {} }],
  ['postgres://[::1]/x', { host: '::1' }],
] as const)('%s is parsed', ([url, config]) => {
  expect(postgresConfig(url)).toMatchObject(config);
});

test.for([
  ['mysql://ada:s3cret@db/x', 'begins with "mysql:"'],
  ['db/x', 'has no scheme'],
  ['postgres://ada:s3cret@db:port/x', 'not a valid URL'],
  ['postgres://ada:s3cret@db/x?sslrootcert=/not/there.pem', 'cannot be read (ENOENT: /not/there.pem)'],
] as const)('%s is refused without its password', ([url, problem]) => {
  const refuse = (): unknown => postgresConfig(url);
  expect(refuse).toThrow('DATABASE_URL');
  expect(refuse).toThrow(problem);
  expect(refuse).not.toThrow('s3cret');
});
