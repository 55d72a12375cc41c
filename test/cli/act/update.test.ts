import { expect, test } from 'vitest';
import { readSession } from '../../../store/read/read-session.ts';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { converse } from '../../store/conversation.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { runCli } from '../../support/process/run-cli.ts';

const database = embeddedDatabase();

test('update merges metadata, state and policy; values are JSON where they can be, and an empty one removes', async () => {
  const { env } = await servedGateway(database.db);
  const key = { user: 'local', session: 'trip' };
  await converse(database.db, key, 'm1');
  const update = async (...args: string[]) => runCli(['update', 'trip', ...args], env);
  expect(await update('--metadata', 'city=Rome', '--metadata', 'nights=3')).toMatchObject({
    code: 0,
    stdout: 'Updated metadata of session trip.\n',
  });
  await update('--metadata', 'city=', '--state', '{"app": {"plan": "gold"}}', '--policy', '{"idleTimeoutMs": 60000}');
  expect(await readSession(database.db, key)).toMatchObject({
    metadata: { nights: 3 },
    state: { app: { plan: 'gold' } },
    policy: { idleTimeoutMs: 60_000 },
  });
});

test('update without a change, or with what is no JSON object, is refused before anything is sent', async () => {
  const env = { PERDURE_URL: 'http://127.0.0.1:1' };
  const [nothing, wrong, list] = await Promise.all([
    runCli(['update', 'trip'], env),
    runCli(['update', 'trip', '--state', 'gold'], env),
    runCli(['update', 'trip', '--policy', '[1]'], env),
  ]);
  expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining('Add --metadata name=value') });
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--state is not a JSON object') });
  expect(list).toMatchObject({ code: 2, stderr: expect.stringContaining('--policy is not a JSON object') });
});

test('chat sets the metadata of a new session', async () => {
  const { env } = await servedGateway(database.db);
  const { code } = await runCli(['chat', 'new', '--metadata', 'city=Rome'], env, '');
  expect(code).toBe(0);
  expect(await readSession(database.db, { user: 'local', session: 'new' })).toMatchObject({
    metadata: { city: 'Rome' },
  });
});
