import { afterAll, beforeAll, expect, test } from 'vitest';
import { sweepSchema } from '../../../contracts/maintenance.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { runCli, startCli } from '../../support/process/run-cli.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ temporal: await testTemporal(), model: () => 'yes' });
});
afterAll(() => stack[Symbol.asyncDispose]());

/** A session that was answered, and the environment in which its user runs commands. */
async function idleSession(): Promise<{ key: SessionKey; env: Record<string, string> }> {
  const key = stack.key('trip');
  await stack.sender.submit(key, { content: 'hello' });
  await stack.ended(key);
  const { env } = await servedGateway(stack.db, { sender: stack.sender, live: stack.live });
  return { key, env: { ...env, PERDURE_USER: key.user } };
}

test('clean says what it would do, does it, and says when there is nothing to do', async () => {
  const { key, env } = await idleSession();
  const dry = await runCli(['clean', '--idle', '0s', '--dry-run'], env);
  expect(dry).toMatchObject({ code: 0, stderr: '' });
  expect(dry.stdout).toMatch(
    /^SESSION +WOULD BE +REASON\ntrip +deleted +idle for .*\nChecked 1 session: 1 would be deleted\.\n$/,
  );
  expect(await readSession(stack.db, key)).not.toBeNull();

  const kept = await runCli(['clean', '--idle', '7d', '--older', '30d', '--yes'], env);
  expect(kept.stdout).toBe('Checked 1 session: nothing to do.\n');

  const done = await runCli(['clean', '--idle', '0s', '--yes'], env);
  expect(done.stdout).toMatch(/^SESSION +ACTION +REASON\ntrip +deleted /);
  expect(await readSession(stack.db, key)).toBeNull();

  const again = await runCli(['clean', '--json', '--yes'], env);
  expect(sweepSchema.parse(JSON.parse(again.stdout))).toMatchObject({ user: key.user, counts: {}, actions: [] });
});

test('clean leaves the sessions of others alone', async () => {
  const [mine, theirs] = [await idleSession(), await idleSession()];
  await runCli(['clean', '--idle', '0s', '--yes'], mine.env);
  expect(await readSession(stack.db, mine.key)).toBeNull();
  expect(await readSession(stack.db, theirs.key)).not.toBeNull();
});

test('a time that is none is refused before anything is asked', async () => {
  for (const wrong of ['banana', '5', '1w', '-3m']) {
    const { code, stdout, stderr } = await runCli(['clean', `--idle=${wrong}`], { PERDURE_URL: 'http://127.0.0.1:1' });
    expect([wrong, code, stdout]).toEqual([wrong, 2, '']);
    expect(stderr).toContain('Expected a duration such as 30m, 12h or 7d.');
  }
});

test('without a worker clean says that it waits for one, and is done when one comes', async () => {
  const { key, env } = await idleSession();
  await stack.stopWorker();
  const cleaning = startCli(['clean', '--idle', '0s', '--yes'], env);
  await cleaning.shows('Waiting for a worker to start the clean-up. Start one with `perdure worker`');
  await stack.startWorker();
  const { code, stdout } = await cleaning.done;
  expect([code, stdout]).toEqual([0, expect.stringContaining('1 deleted')]);
  expect(await readSession(stack.db, key)).toBeNull();
});
