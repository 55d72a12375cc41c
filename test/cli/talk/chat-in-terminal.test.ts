import { expect, test } from 'vitest';
import { findProgram } from '../../../dev-server/find-program.ts';
import { cannotRunHere } from '../../support/cannot-run-here.ts';
import { completed, deltasOf, runCompleted } from '../../support/gateway/run-events.ts';
import { startInTerminal, type RunningCli } from '../../support/process/run-cli.ts';
import { echo, startFakeService, type FakeService, type Reply } from '../fake-service.ts';

/** Chats in a terminal of 40 columns; returns what was on it. */
async function chatting(
  skip: (reason: string) => never,
  reply: Reply,
  work: (running: RunningCli, service: FakeService) => Promise<void>,
): Promise<string> {
  const python = findProgram('python3', process.env);
  if (python === null) return cannotRunHere(skip, 'no Python ("python3") on the PATH, which makes the terminal');
  const service = await startFakeService({ reply });
  const running = startInTerminal(python, ['chat'], service.env, 40);
  try {
    await running.shows('commands.');
    await work(running, service);
    running.type('/quit\n');
    return (await running.done).stdout;
  } finally {
    running.signal('SIGKILL');
    await service.gateway.close();
  }
}

const SENTENCE = 'This answer is one sentence that is longer than a line of the terminal.';

const answerInSentence: Reply = (emit, writer, runId) => {
  const where = { runId, step: 1, attempt: 1 };
  emit(...deltasOf(writer, 'message.delta', where, SENTENCE, 7), completed(writer, where, SENTENCE));
  emit(runCompleted(writer, runId, SENTENCE));
};

test('an answer is wrapped at words within the width of the terminal', async ({ skip }) => {
  const screen = await chatting(skip, answerInSentence, async (running) => {
    running.type('Hi\n');
    await running.shows('1 step');
  });
  expect(screen).toContain('This answer is one sentence that is\r\nlonger than a line of the terminal.\r\n  1 step');
}, 60_000);

test('of two messages sent at once, the answer to the second is named', async ({ skip }) => {
  const asked: string[] = [];
  const reply: Reply = (emit, writer, _runId, content) => {
    if (asked.push(content) < 2) return;
    echo(emit, writer, 'run-1', 'one');
    echo(emit, writer, 'run-2', 'two');
  };
  const screen = await chatting(skip, reply, async (running) => {
    running.type('one\ntwo\n');
    await running.shows('You said: two');
  });
  expect(screen).not.toContain('Answer to "one"');
  expect(screen).toMatch(/You said: one\r\n.*\r\n↳ Answer to "two" \(run run-2\):\r\nYou said: two\r\n/);
}, 60_000);

test('a new session can be started while an answer is in progress, which the chat names', async ({ skip }) => {
  const screen = await chatting(
    skip,
    (emit, writer, runId) => emit(...deltasOf(writer, 'message.delta', { runId, step: 1, attempt: 1 }, 'Half an ', 8)),
    async (running) => {
      running.type('Hi\n');
      await running.shows('Half an');
      running.type('/new\n');
      await running.shows('Session new-1, agent assistant.');
    },
  );
  expect(screen).toContain('The answer in session main continues. Return to it with: perdure chat main\r\n');
}, 60_000);
