import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPostgresLive } from '../../live/postgres-notify.ts';
import { delta, listenTo } from './listen.ts';
import { liveChannelSuite } from './live-channel.testsuite.ts';
import { createPostgresDatabase } from '../support/store/databases.ts';

const key = { user: 'ann', session: 'main' };
let database: Awaited<ReturnType<typeof createPostgresDatabase>>;

beforeAll(async () => {
  database = await createPostgresDatabase();
}, 120_000);
afterAll(async () => database.drop());

const channel = () => createPostgresLive({ databaseUrl: database.url });

liveChannelSuite('the PostgreSQL channel between processes', async () => {
  const [sender, receiver] = [channel(), channel()];
  return {
    sender,
    receiver,
    close: async () => {
      await Promise.all([sender.close(), receiver.close()]);
    },
  };
});

liveChannelSuite('the PostgreSQL channel within a process', async () => {
  const both = channel();
  return { sender: both, receiver: both, close: async () => both.close() };
});

test('a notification between processes does not carry its events', async () => {
  const [sender, receiver] = [channel(), channel()];
  const heard = await listenTo(receiver, key);
  sender.publish(key, { kind: 'appended', head: 3, events: [] });
  await heard.until(() => true);
  expect(heard.messages).toEqual([{ kind: 'appended', head: 3 }]);
  await Promise.all([sender.close(), receiver.close()]);
});

test('a sender that is behind sends fewer, longer deltas', async () => {
  const [sender, receiver] = [channel(), channel()];
  const heard = await listenTo(receiver, key);
  for (let index = 0; index < 10_000; index += 1) sender.publish(key, delta('r', index, 'x'));
  sender.publish(key, { kind: 'resend-text' });
  await heard.until((message) => message.kind === 'resend-text');
  expect(heard.text()).toBe('x'.repeat(10_000));
  expect(heard.messages.length).toBeLessThan(100);
  await Promise.all([sender.close(), receiver.close()]);
});

test('connections that break are opened again, and subscriptions go on', async () => {
  const [sender, receiver] = [channel(), channel()];
  const heard = await listenTo(receiver, key);
  const admin = new Client(database.url);
  await admin.connect();
  const broken = await admin.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'perdure live%' AND datname = current_database()",
  );
  expect(broken.rowCount).toBe(4);
  await admin.end();
  // What is sent while there is no connection may be lost, so it is said again until it is heard.
  const again = setInterval(() => sender.publish(key, { kind: 'resend-text' }), 50);
  await heard.until((message) => message.kind === 'resend-text');
  clearInterval(again);
  await Promise.all([sender.close(), receiver.close()]);
});

test('without a database nothing throws, and the channel is not ready', async () => {
  const away = createPostgresLive({ databaseUrl: 'postgres://nobody@127.0.0.1:1/nothing' });
  away.publish(key, delta('r', 0, 'lost'));
  const heard = await listenTo(away, key);
  away.publish(key, delta('r', 0, 'heard in this process'));
  expect(heard.text()).toBe('heard in this process');
  expect(await away.ready()).toBe(false);
  await away.close();
});
