import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { createPerdure, type RecordCounts } from '../../client/index.ts';
import { countsRecordedSchema } from '../../contracts/session/recorded-counts.ts';
import { sessionSnapshotSchema } from '../../contracts/session/session.ts';
import { converse, newKey } from '../store/conversation.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { runCli } from '../support/process/run-cli.ts';
import { codeBlocks, read, section } from '../docs/documents.ts';
import { servedGateway, startGateway } from './start-gateway.ts';

const database = embeddedDatabase();
const counts: RecordCounts = {
  key: 'import-17',
  requests: 3,
  errors: 1,
  processingTimeMs: 360,
  counters: { pages: 12 },
};

async function talked(user: string, session = 'trip') {
  await converse(database.db, { user, session }, 'm1');
  return { 'perdure-user': user };
}

test('counts are recorded over HTTP, once per key, for the owner of the session only', async () => {
  const headers = await talked('ann');
  const { call } = startGateway(database.db);
  const path = '/v1/sessions/trip/counts';
  const first = await call('POST', path, counts, headers);
  expect([first.status, countsRecordedSchema.parse(await first.json())]).toMatchObject([200, { recorded: true }]);
  expect(await (await call('POST', path, counts, headers)).json()).toMatchObject({ recorded: false });
  expect((await call('POST', path, { ...counts, errors: 2 }, headers)).status).toBe(422);
  expect((await call('POST', path, counts, { 'perdure-user': 'eve' })).status).toBe(404);
  const snapshot = await (await call('GET', '/v1/sessions/trip', undefined, headers)).json();
  expect(sessionSnapshotSchema.parse(snapshot).recorded).toMatchObject({ requests: 3, counters: { pages: 12 } });
});

test.each([
  ['no key', { requests: 1 }, 'key'],
  ['a negative number', { key: 'k', requests: -1 }, 'requests'],
  ['a part of a request', { key: 'k', requests: 0.5 }, 'requests'],
  ['a counter that is no number', { key: 'k', counters: { pages: 'many' } }, 'counters.pages'],
  ['an invalid name', { key: 'k', counters: { '@requests': 1 } }, '@requests'],
  ['an unknown field', { key: 'k', error: 1 }, 'errors'],
  ['too many counters', { key: 'k', counters: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [n, 1])) }, '32'],
])('a record with %s is refused, naming it', async (_, body, named) => {
  const headers = await talked('rita', newKey().session);
  const { call } = startGateway(database.db);
  const response = await call('POST', '/v1/sessions/trip/counts', body, headers);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ detail: expect.stringContaining(named) });
});

test('the example in docs/why.md records as the client, and the command line shows what it states', async () => {
  const { url } = await servedGateway(database.db);
  await talked('dora');
  const blocks = codeBlocks(section(read('docs/why.md'), 'Counts of your own')).map(({ code }) => code);
  const [example = '', output = ''] = blocks;
  // The argument is also a map in YAML.
  const input = parse(/session\.record\((\{.*?\})\);/s.exec(example)?.[1] ?? '') as RecordCounts;
  const session = createPerdure({ gateway: url, user: 'dora' }).session('trip');
  expect(await session.record(input)).toMatchObject({
    recorded: true,
    counts: { meanMs: 120, counters: { pages: 12 } },
  });
  expect(await session.record(input)).toMatchObject({ recorded: false });
  const env = { PERDURE_URL: url, PERDURE_USER: 'dora' };
  const stats = await runCli(['stats', '--by', 'session'], env);
  expect(stats.stdout).toContain(output.trimEnd());
  const shown = await runCli(['session', 'trip'], env);
  expect(shown.stdout).toMatch(/recorded +3 requests, 1 error \(33 %\), 120 ms each; pages 12/);
}, 60_000);
