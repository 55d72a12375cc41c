import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { problem, startFakeGateway } from '../support/gateway/fake-gateway.ts';
import { runCli, startCli } from '../support/process/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startFakeService } from './fake-service.ts';

test('without a gateway a command says where it looked and how to start one, and exits 3', async () => {
  const gateway = await startFakeGateway();
  await gateway.close();
  const { code, stdout, stderr } = await runCli(['sessions', '--url', gateway.url]);
  expect(code).toBe(3);
  expect(stdout).toBe('');
  expect(stderr).toContain(`No gateway is reachable at ${gateway.url}. Start one with \`perdure start\``);
  expect(stderr).not.toContain('    at ');
});

test('a command line that is not understood exits 2 and says what there is', async () => {
  const { code, stderr } = await runCli(['sesions']);
  expect(code).toBe(2);
  expect(stderr).toContain('Did you mean sessions?');
  const help = await runCli(['help', 'sesions']);
  expect(help).toEqual({ code: 2, stdout: '', stderr });
});

test('help of a command is that of its option --help', async () => {
  const [command, option] = await Promise.all([runCli(['help', 'watch']), runCli(['watch', '--help'])]);
  expect(command).toEqual(option);
  expect(command.stdout).toContain('Usage: perdure watch');
});

test.each([
  ['send', ['send'], 'Standard input is empty.'],
  ['send -', ['send', '-'], 'Standard input is empty.'],
  ['send ""', ['send', ''], 'The message is empty.'],
])('%s without a text says where to give it', async (_name, args, message) => {
  const { code, stderr } = await runCli(args, { PERDURE_URL: 'http://127.0.0.1:1' });
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

test('help teaches with examples and explains the exit codes', async () => {
  const { code, stdout } = await runCli(['--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('perdure send "What is 6 × 7?" --wait');
  expect(stdout).toContain('3  gateway, Temporal, store or model unavailable');
});

test('help groups the commands, and every command is in a group', async () => {
  const { stdout } = await runCli(['--help']);
  expect([...stdout.matchAll(/^([A-Z][a-z ]+):$/gm)].map(([, heading]) => heading)).toEqual([
    'Options',
    'Run',
    'Talk',
    'Look',
    'Control',
    'Cost',
    'Move and remove',
    'Upgrade',
    'Shell',
    'Examples',
    'Exit codes',
  ]);
});

/** What a shell would offer after these words. */
async function completions(...typed: string[]): Promise<(string | undefined)[]> {
  const { stdout } = await runCli(['complete', '--', ...typed]);
  return stdout.split('\n').map((line) => line.split('\t')[0]);
}

test('a shell completes commands, options and their values', async () => {
  expect(await completions('se')).toEqual(expect.arrayContaining(['send', 'session', 'sessions']));
  expect(await completions('clean', '--')).toEqual(expect.arrayContaining(['--idle', '--dry-run', '--yes']));
  expect(await completions('sessions', '--status', '')).toEqual(expect.arrayContaining(['active', 'archived']));
  expect(await completions('import', '/no/such/')).toEqual([':6', '']);
  for (const shell of ['bash', 'zsh', 'fish']) {
    expect((await runCli(['completion', shell])).stdout).toContain(`${shell} completion for perdure`);
  }
});

test('send prints the receipt, and with --wait the answer', async () => {
  const { gateway, env } = await startFakeService();
  const sent = await runCli(['send', 'Hi', '--id', 'm-1', '--json'], env);
  const waited = await runCli(['send', '--wait'], env, 'from a pipe\n');
  await gateway.close();
  expect(JSON.parse(sent.stdout)).toEqual({ messageId: 'm-1', runId: 'run-1', disposition: 'started', position: 0 });
  expect(waited).toMatchObject({ code: 0, stdout: 'You said: from a pipe\n' });
});

test.each([['send'], ['chat']])('%s refuses standard input that is not UTF-8', async (command) => {
  const { gateway, env } = await startFakeService();
  const refused = await runCli([command], env, Buffer.from('Grüße\n', 'latin1'));
  await gateway.close();
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('Standard input is not UTF-8.') });
});

test('a refusal is a sentence on standard error and exits 4', async () => {
  const ended = problem(409, 'session_ended', 'The session main has ended. Use another.');
  const { gateway, env } = await startFakeService({ refuse: () => ended });
  const { code, stderr } = await runCli(['send', 'Hi'], env);
  await gateway.close();
  expect({ code, stderr }).toEqual({ code: 4, stderr: 'The session main has ended. Use another.\n' });
});

test('the user travels with every request', async () => {
  const { gateway, env } = await startFakeService();
  await runCli(['sessions', '--user', 'Zoë'], env);
  await gateway.close();
  expect(gateway.requests[0]?.headers['perdure-user']).toBe('Zo%C3%AB');
});

test('sessions are a table for people and JSON for programs', async () => {
  const { gateway, env } = await startFakeService();
  const shown = await runCli(['sessions'], env);
  const json = await runCli(['sessions', '--json'], env);
  await gateway.close();
  expect(shown.stdout).toContain('SESSION  STATUS  AGENT      MESSAGES  LAST ACTIVE');
  expect(JSON.parse(json.stdout)).toMatchObject({ data: [{ id: 'main' }] });
});

test('a session is shown with the workflows that its tools have started', async () => {
  const { gateway, env } = await startFakeService();
  const { stdout } = await runCli(['session', 'main'], env);
  await gateway.close();
  expect(stdout).toMatch(/^children +report since 2026-01-01T00:00:00\.000Z \(child-1\)$/m);
});

test('watch with --json prints one event a line, until Ctrl-C', async () => {
  const { gateway, env, writer } = await startFakeService();
  const watching = startCli(['watch', 'main', '--json'], env);
  await gateway.connected();
  gateway.emit(writer.durable({ type: 'session.opened', agent: 'assistant' }));
  await watching.shows('session.opened');
  watching.signal('SIGINT');
  const { code, stdout } = await watching.done;
  await gateway.close();
  expect(code).toBe(130);
  expect(JSON.parse(stdout)).toMatchObject({ seq: 1, type: 'session.opened' });
});

test('options of start take the place of their variables, and a wrong port is refused', async () => {
  const wrong = await runCli(['start', '--port', '70000']);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('Expected a port, 0 to 65535') });
  const folder = await temporaryFolder();
  const file = join(folder, 'file');
  await writeFile(file, '');
  const { code, stderr } = await runCli(['start', '--data', join(file, 'data'), '--agents', folder, '--port', '0']);
  expect([code, stderr]).toEqual([3, expect.stringContaining(join(file, 'data'))]);
}, 30_000);
