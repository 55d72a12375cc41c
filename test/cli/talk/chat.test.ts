import { expect, test } from 'vitest';
import { UNKNOWN_USAGE } from '../../../contracts/session/run.ts';
import { problem } from '../../support/gateway/fake-gateway.ts';
import { completed, deltasOf, received, runCompleted, started } from '../../support/gateway/run-events.ts';
import { runCli, startCli } from '../../support/process/run-cli.ts';
import { echo, startFakeService } from '../fake-service.ts';

test('piped lines are answered one by one, and the end of input is the end', async () => {
  const { gateway, env } = await startFakeService();
  const { code, stdout } = await runCli(['chat'], env, 'one\n\ntwo\n');
  await gateway.close();
  expect(stdout).toBe('You said: one\nYou said: two\n');
  expect(code).toBe(0);
});

test('a run that fails makes the exit code 1, and the next line is still answered', async () => {
  const { gateway, env } = await startFakeService({
    reply(emit, writer, runId, content) {
      if (content !== 'bad') return echo(emit, writer, runId, content);
      const error = { code: 'model_unavailable', detail: 'It is away.' };
      emit(writer.durable({ type: 'run.failed', runId, error, steps: 0, usage: UNKNOWN_USAGE }));
    },
  });
  const { code, stdout } = await runCli(['chat'], env, 'bad\ngood\n');
  await gateway.close();
  expect(stdout).toBe('✗ Run run-1 failed (model_unavailable): It is away.\nYou said: good\n');
  expect(code).toBe(1);
});

test('a refused message exits 4 with the reason', async () => {
  const { gateway, env } = await startFakeService({
    refuse: ({ path }) => (path.endsWith('/messages') ? problem(409, 'session_ended', 'It has ended.') : undefined),
  });
  const { code, stderr } = await runCli(['chat'], env, 'Hi\n');
  await gateway.close();
  expect({ code, stderr }).toEqual({ code: 4, stderr: 'It has ended.\n' });
});

test('slash commands are not messages', async () => {
  const { gateway, env } = await startFakeService();
  const { stdout } = await runCli(['chat'], env, '/sessions\n/usage\n/why\n/help\n/nonsense\n/quit\nnever sent\n');
  await gateway.close();
  expect(stdout).toContain('main');
  expect(stdout).toContain('Tokens: unknown input, unknown output. Cost: ');
  expect(stdout).toContain('The session main is active');
  expect(stdout).toContain('/cancel');
  expect(stdout).toContain('Unknown command /nonsense.');
  expect(gateway.requests.some(({ path }) => path.endsWith('/messages'))).toBe(false);
});

test('/new and /agent continue in a new session, and the former one is not changed', async () => {
  const { gateway, env } = await startFakeService();
  const lines = ['one', '/new', 'two', '/agent tutor', 'three', '/new', '/agent', '/quit'];
  const { code, stdout } = await runCli(['chat', '--metadata', 'team=a'], env, lines.join('\n'));
  await gateway.close();
  const sent = gateway.requests.filter(({ method }) => method === 'POST');
  expect(sent.map(({ path, body }) => [path, { ...(body as object), id: undefined }])).toEqual([
    ['/v1/sessions', { metadata: { team: 'a' } }],
    ['/v1/sessions/main/messages', { content: 'one' }],
    ['/v1/sessions', { agent: 'assistant', metadata: { team: 'a' } }],
    ['/v1/sessions/new-1/messages', { content: 'two' }],
    ['/v1/sessions', { agent: 'tutor', metadata: { team: 'a' } }],
    ['/v1/sessions/new-2/messages', { content: 'three' }],
    ['/v1/sessions', { agent: 'tutor', metadata: { team: 'a' } }],
  ]);
  expect(stdout.split('\n')).toEqual([
    'You said: one',
    'Session new-1, agent assistant.',
    'You said: two',
    'Session new-2, agent tutor.',
    'You said: three',
    'Session new-3, agent tutor.',
    "Agents: assistant, tutor (this session's). Type /agent NAME to start a session with another.",
    '',
  ]);
  expect(code).toBe(0);
});

test('a command that fails leaves the chat in its session', async () => {
  const { gateway, env } = await startFakeService({
    refuse: ({ path, body }) =>
      path === '/v1/sessions' && (body as { agent?: string } | undefined)?.agent === 'nobody'
        ? problem(404, 'not_found', 'There is no agent "nobody".')
        : undefined,
  });
  const { code, stderr } = await runCli(['chat'], env, '/agent nobody\nnever sent\n');
  await gateway.close();
  expect({ code, stderr }).toEqual({ code: 4, stderr: 'There is no agent "nobody".\n' });
  expect(gateway.requests.some(({ path }) => path.endsWith('/messages'))).toBe(false);
});

test('/help lists every command', async () => {
  const { gateway, env } = await startFakeService();
  const { stdout } = await runCli(['chat'], env, '/help\n');
  await gateway.close();
  expect(stdout.split('\n').map((line) => line.split('  ')[0])).toEqual([
    '/cancel',
    '/attach FILE',
    '/later',
    '/decline',
    '/inbox',
    '/new',
    '/agent NAME',
    '/sessions',
    '/why',
    '/usage',
    '/help',
    '/quit',
    'Any other line is sent as a message.',
    '',
  ]);
});

test.each([
  ['chat', ['chat', 'main']],
  ['send --wait', ['send', '--session', 'main', '--wait']],
  ['send - --wait', ['send', '-', '--session', 'main', '--wait']],
])('%s answers a last line without a line break completely', async (_name, args) => {
  const { gateway, env } = await startFakeService();
  const { code, stdout } = await runCli(args, env, 'hi');
  await gateway.close();
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'You said: hi\n' });
});

test('an answer survives a restart of the gateway in its middle', async () => {
  const first = await startFakeService({ reply: () => undefined });
  const chatting = startCli(['chat'], first.env);
  chatting.type('Hi\n');
  chatting.endInput();
  await first.gateway.connected();
  const where = { runId: 'run-1', step: 1, attempt: 1 };
  const { writer } = first;
  await until(() => first.gateway.requests.some(({ path }) => path.endsWith('/messages')));
  await first.gateway.close();
  await chatting.shows('reconnecting…');
  const second = await startFakeService({ port: first.gateway.port });
  second.gateway.emit(
    ...deltasOf(writer, 'message.delta', where, 'Hello again.', 4),
    completed(writer, where, 'Hello again.'),
    runCompleted(writer, 'run-1', 'Hello again.'),
  );
  const { code, stdout, stderr } = await chatting.done;
  await second.gateway.close();
  expect(stdout).toBe('Hello again.\n');
  expect(stderr).toBe('Connection to the gateway lost; reconnecting…\nReconnected.\n');
  expect(code).toBe(0);
});

test('Ctrl-C during an answer cancels its run', async () => {
  const { gateway, env } = await startFakeService({
    reply: (emit, writer, runId) =>
      emit(writer.durable({ type: 'tool.called', runId, step: 1, callId: 'c', tool: 'slow', arguments: {} })),
  });
  const chatting = startCli(['chat'], env);
  chatting.type('Hi\n');
  await chatting.shows('→ slow');
  chatting.signal('SIGINT');
  const { code, stdout } = await chatting.done;
  await gateway.close();
  expect(gateway.requests.some(({ path }) => path.endsWith('/runs/run-1/cancel'))).toBe(true);
  expect(stdout).toContain('■ Run run-1 was cancelled');
  expect(code).toBe(130);
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => void setImmediate(resolve));
}

test.each([
  ['chat', ['chat']],
  ['watch', ['watch', 'main']],
])('%s says what a run waits for that says nothing, once', async (command, args) => {
  let asked = 0;
  const waitingFor = { what: 'circuit', since: '2026-01-01T00:00:00.000Z', who: 'the provider openai', until: null };
  const { gateway, writer, env } = await startFakeService({
    reply: () => undefined,
    refuse({ method, path }) {
      if (method !== 'GET' || path !== '/v1/sessions/main/why') return undefined;
      asked += 1;
      return { body: { waitingFor, workers: 1 } };
    },
  });
  const watching = startCli(args, env);
  await gateway.connected();
  if (command === 'chat') watching.type('Hi\n');
  else gateway.emit(received(writer, 'run-1', 'm', 'Hi'), started(writer, 'run-1'));
  await watching.shows('Waiting for the provider openai');
  const before = asked;
  await until(() => asked > before);
  watching.signal('SIGINT');
  const { stderr } = await watching.done;
  await gateway.close();
  expect(stderr).toBe('Waiting for the provider openai (paused after failed calls), since 2026-01-01T00:00:00.000Z.\n');
});

test('chat says that no worker is running while its message waits', async () => {
  const waitingFor = { what: 'model', since: '2026-01-01T00:00:00.000Z', who: 'openai/gpt-5', until: null };
  const { gateway, env } = await startFakeService({
    reply: () => undefined,
    refuse: ({ path }) => (path === '/v1/sessions/main/why' ? { body: { waitingFor, workers: 0 } } : undefined),
  });
  const chatting = startCli(['chat'], env);
  await gateway.connected();
  chatting.type('Hi\n');
  await chatting.shows('No worker is running. The answer comes once one is.');
  chatting.signal('SIGINT');
  const { stderr } = await chatting.done;
  await gateway.close();
  expect(stderr).toBe('No worker is running. The answer comes once one is.\n');
});
