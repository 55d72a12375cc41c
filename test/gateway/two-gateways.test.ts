import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPostgresLive } from '../../live/postgres-notify.ts';
import type { LiveChannel } from '../../live/live-channel.ts';
import { openTestDatabase, type TestDatabase } from '../support/store/databases.ts';
import { readFrames, sessionPath, startGateway } from './start-gateway.ts';

let database: TestDatabase;
let channels: LiveChannel[];
beforeAll(async () => {
  database = await openTestDatabase('postgres');
  channels = [0, 1].map(() => createPostgresLive({ databaseUrl: database.url ?? '' }));
}, 120_000);
afterAll(async () => {
  await Promise.all(channels.map(async (channel) => channel.close()));
  await database.close();
});

test('over PostgreSQL a reader at one gateway receives what is appended at another, deltas included', async () => {
  const [one, other] = channels.map((live) => startGateway(database.db, { live, pollMs: 3_600_000 }));
  if (one === undefined || other === undefined) throw new Error('There are two.');
  const key = { user: 'local', session: randomUUID() };
  await one.call('POST', '/v1/sessions', { id: key.session });
  const watched = readFrames(
    await other.call('GET', sessionPath(key.session, 'events')),
    ({ type }) => type === 'run.completed',
  );
  one.sender.onWake = (_key, { runId }) => void one.sender.answer(key, runId, 'héllo 😀 wörld');
  const headers = { accept: 'text/event-stream' };
  const own = await readFrames(
    await one.call('POST', sessionPath(key.session, 'messages'), { content: 'hi' }, headers),
  );
  const seen = await watched;
  expect(seen.filter(({ id }) => id !== undefined)).toEqual([
    expect.objectContaining({ event: 'session.opened' }),
    ...own.filter(({ id }) => id !== undefined),
  ]);
  const text = seen.reduce((known, { data }) => {
    return data.type === 'message.delta' ? known.slice(0, data.offset) + data.delta : known;
  }, '');
  expect('héllo 😀 wörld'.startsWith(text)).toBe(true);
});
