import { expect, test } from 'vitest';
import { UNKNOWN_USAGE } from '../../../contracts/session/run.ts';
import { problem } from '../../support/gateway/fake-gateway.ts';
import { completed, deltasOf, received, runCompleted, started } from '../../support/gateway/run-events.ts';
import { runCli, startCli } from '../../support/process/run-cli.ts';
import { echo, snapshot, startFakeService } from '../fake-service.ts';

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
  const { stdout } = await runCli(['chat'], env, '/sessions\n/help\n/nonsense\n/quit\nnever sent\n');
  await gateway.close();
  expect(stdout).toContain('main');
  expect(stdout).toContain('/cancel');
  expect(stdout).toContain('Unknown command /nonsense.');
  expect(gateway.requests.some(({ path }) => path.endsWith('/messages'))).toBe(false);
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
      if (method !== 'GET' || path !== '/v1/sessions/main') return undefined;
      asked += 1;
      return { body: { ...snapshot(0, null), waitingFor } };
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
  expect(stderr).toBe('Waiting for the provider openai (circuit open), since 2026-01-01T00:00:00.000Z.\n');
});
