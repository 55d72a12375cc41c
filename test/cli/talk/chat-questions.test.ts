import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findProgram } from '../../../dev-server/find-program.ts';
import type { NewEvent } from '../../../contracts/events/event.ts';
import { cannotRunHere } from '../../support/cannot-run-here.ts';
import { problem, type FakeAnswer, type FakeRequest } from '../../support/gateway/fake-gateway.ts';
import { runCompleted } from '../../support/gateway/run-events.ts';
import { startCli, startInTerminal, type RunningCli } from '../../support/process/run-cli.ts';
import { startFakeService, type FakeService, type Reply } from '../fake-service.ts';

const EXPIRES = '2100-01-01T00:00:00.000Z';
const call = (runId: string, tool: string) => ({ runId, step: 1, callId: 'c1', tool, itemId: 'inb_1' });

function requested(runId: string, tool: string, args: object): NewEvent {
  const type = tool === 'refund' ? 'approval.requested' : 'client_call.requested';
  return { type, ...call(runId, tool), arguments: args as never, hash: 'h1', expiresAt: EXPIRES };
}

const REFUND = { order: '1042', amount: 120 };

/** Requests an answer, and ends the run with what the chat has sent as the answer. */
function asking(tool: string, args: object, refuse?: (body: unknown) => FakeAnswer | undefined) {
  let emit: Parameters<Reply>[0];
  let writer: Parameters<Reply>[1];
  let run = '';
  const reply: Reply = (emitting, writing, runId) => {
    [emit, writer, run] = [emitting, writing, runId];
    emit(writer.durable(requested(runId, tool, args)));
  };
  const answers: unknown[] = [];
  const answer = ({ method, path, body }: FakeRequest): FakeAnswer | undefined => {
    if (method !== 'POST' || !path.endsWith('/inb_1')) return undefined;
    const refusal = refuse?.(body);
    if (refusal) return refusal;
    answers.push(body);
    const decision = { decision: (body as { decision: 'approve' }).decision, by: 'local', reason: null };
    const decided: NewEvent = path.includes('/approvals/')
      ? { type: 'approval.decided', ...call(run, tool), ...decision }
      : { type: 'client_call.answered', ...call(run, tool), by: 'local' };
    emit(writer.durable(decided), runCompleted(writer, run, 'All done.'));
    return { body: {} };
  };
  return { reply, answer, answers };
}

/** Chats in a terminal; returns what was on it. */
async function chatting(
  skip: (reason: string) => never,
  { reply, answer }: ReturnType<typeof asking>,
  work: (running: RunningCli, service: FakeService) => Promise<void>,
  env: Record<string, string> = {},
): Promise<string> {
  const python = findProgram('python3', process.env);
  if (python === null) return cannotRunHere(skip, 'no Python ("python3") on the PATH, which makes the terminal');
  const service = await startFakeService({ reply, refuse: answer });
  const running = startInTerminal(python, ['chat'], { ...service.env, ...env }, 100);
  try {
    await running.shows('commands.');
    running.type('Hi\n');
    await work(running, service);
    running.type('/quit\n');
    return (await running.done).stdout;
  } finally {
    running.signal('SIGKILL');
    await service.gateway.close();
  }
}

test('an approval is asked for in the chat with its arguments, and approved by one letter', async ({ skip }) => {
  const asked = asking('refund', REFUND);
  const screen = await chatting(skip, asked, async (running) => {
    await running.shows('e edit · r reject');
    running.type('a\n');
    await running.shows('1 step');
  });

  expect(screen).toContain('? refund needs your approval (inb_1, until 2100-01-01');
  expect(screen).toMatch(/ {4}order {3}1042\r\n {4}amount {2}120\r\n/);
  expect(asked.answers).toEqual([{ decision: 'approve', hash: 'h1' }]);
}, 20_000);

test('a rejection is sent with its reason, which is asked for', async ({ skip }) => {
  const asked = asking('refund', REFUND);
  await chatting(skip, asked, async (running) => {
    await running.shows('e edit · r reject');
    running.type('r\n');
    await running.shows('Reason, for the agent: ');
    running.type('The order is not paid\n');
    await running.shows('1 step');
  });

  expect(asked.answers).toEqual([{ decision: 'reject', reason: 'The order is not paid', hash: 'h1' }]);
}, 20_000);

test('without an editor the arguments are edited in the line, again after the gateway has refused them', async ({
  skip,
}) => {
  let refusals = 0;
  const asked = asking('refund', REFUND, (body) => {
    if ((body as { arguments: { amount: unknown } }).arguments.amount !== 'much') return undefined;
    refusals += 1;
    return problem(400, 'invalid_request', 'The field arguments does not match the schema of the item: /amount');
  });
  await chatting(skip, asked, async (running) => {
    await running.shows('e edit · r reject');
    running.type('e {"order": "1042", "amount": "much"}\n');
    await running.shows('[12G{"order": "1042", "amount": "much"}');
    running.type('\n');
    await running.shows('does not match the schema');
    // Ctrl-U removes what is typed already.
    running.type('\u0015{"order": "1042", "amount": 5}\n');
    await running.shows('1 step');
  });

  expect(refusals).toBe(1);
  expect(asked.answers).toEqual([{ decision: 'approve', arguments: { order: '1042', amount: 5 }, hash: 'h1' }]);
}, 20_000);

test('with an editor the arguments are edited there', async ({ skip }) => {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-editor-'));
  const editor = join(folder, 'editor.sh');
  await writeFile(editor, `#!/bin/sh\nsed 's/120/7/' "$1" > "$1.new" && mv "$1.new" "$1"\n`);
  await chmod(editor, 0o700);
  const asked = asking('refund', REFUND);
  try {
    await chatting(
      skip,
      asked,
      async (running) => {
        await running.shows('e edit · r reject');
        running.type('e\n');
        await running.shows('1 step');
      },
      { EDITOR: editor },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }

  expect(asked.answers).toEqual([{ decision: 'approve', arguments: { order: '1042', amount: 7 }, hash: 'h1' }]);
}, 20_000);

test('a line that is no answer is not sent, neither as an answer nor as a message', async ({ skip }) => {
  const asked = asking('refund', REFUND);
  await chatting(skip, asked, async (running, { gateway }) => {
    await running.shows('e edit · r reject');
    running.type('sure, why not\n');
    await running.shows('Type a, r, e, s or u; or /later');
    running.type('s\n');
    await running.shows('1 step');
    expect(gateway.requests.filter(({ path }) => path.endsWith('/messages'))).toHaveLength(1);
  });

  expect(asked.answers).toEqual([{ decision: 'approve', remember: 'session', hash: 'h1' }]);
}, 20_000);

test('a question that was set aside is asked again by /inbox', async ({ skip }) => {
  const asked = asking('refund', REFUND);
  const screen = await chatting(skip, asked, async (running) => {
    await running.shows('e edit · r reject');
    running.type('/later\n');
    running.type('/inbox\n/inbox\n');
    running.type('y\n');
    await running.shows('1 step');
  });

  expect(screen.match(/refund needs your approval/g)?.length).toBeGreaterThan(1);
  expect(asked.answers).toHaveLength(1);
}, 20_000);

test('an answer that comes second is refused with who was first, and the chat goes on', async ({ skip }) => {
  const detail = 'The inbox item "inb_1" was answered by "bob" at 2026-01-01T00:00:00.000Z.';
  const asked = asking('refund', REFUND, () => problem(409, 'already_decided', detail));
  const screen = await chatting(skip, asked, async (running) => {
    await running.shows('e edit · r reject');
    running.type('a\n');
    await running.shows('was answered by "bob"');
  });

  expect(screen).toContain(detail);
}, 20_000);

test('a question of ask_user is answered by the number of a choice', async ({ skip }) => {
  const asked = asking('ask_user', { question: 'Which seat?', choices: ['window', 'aisle'] });
  const screen = await chatting(skip, asked, async (running) => {
    await running.shows('Type a number from 1 to 2.');
    running.type('2\n');
    await running.shows('1 step');
  });

  expect(screen).toContain('? Which seat?\r\n   1  window\r\n   2  aisle\r\n');
  expect(asked.answers).toEqual([{ result: 'aisle', hash: 'h1' }]);
}, 20_000);

test('an answer with a schema that is no form is JSON, and is asked for again until it is', async ({ skip }) => {
  const schema = { type: 'object', properties: { seats: { type: 'object' } } };
  const asked = asking('ask_user', { question: 'How many?', schema });
  await chatting(skip, asked, async (running) => {
    await running.shows('Type the answer as JSON.');
    running.type('two\n');
    await running.shows('This is not JSON');
    running.type('{"seats": {}}\n');
    await running.shows('1 step');
  });

  expect(asked.answers).toEqual([{ result: { seats: {} }, hash: 'h1' }]);
}, 20_000);

test('another client tool is named with the command that answers it', async ({ skip }) => {
  const asked = asking('pick_seat', { train: 'ICE 42' });
  const screen = await chatting(skip, asked, async (running) => {
    await running.shows('perdure answer inb_1');
  });

  expect(screen).toContain(
    "The run waits for a client's result of the tool pick_seat. Answer with: perdure answer inb_1",
  );
}, 20_000);

test('with piped lines a run that waits is named with its commands, the next line is sent, and the exit code is 1', async () => {
  const asked = asking('refund', REFUND);
  const service = await startFakeService({ reply: asked.reply, refuse: asked.answer });
  const running = startCli(['chat'], service.env);
  running.type('one\ntwo\n');
  running.endInput();
  const { code, stdout } = await running.done;
  await service.gateway.close();

  expect(stdout).toContain('perdure approve inb_1, or perdure reject inb_1 --reason WHY');
  expect(service.gateway.requests.filter(({ path }) => path.endsWith('/messages'))).toHaveLength(2);
  expect(code).toBe(1);
}, 20_000);

const SEAT = {
  question: 'Which seat?',
  server: 'trains',
  schema: {
    type: 'object',
    properties: { row: { type: 'integer', minimum: 1 }, window: { type: 'boolean' } },
    required: ['row', 'window'],
  },
};

test('the form of an MCP server is shown field by field, and typed with the names of the fields', async ({ skip }) => {
  const asked = asking('ask_user', SEAT);
  const screen = await chatting(skip, asked, async (running) => {
    await running.shows('Type row=…, window=…');
    running.type('row=three, window=yes\n');
    await running.shows('takes a whole number');
    running.type('row=3, window=yes\n');
    await running.shows('1 step');
  });

  expect(screen).toContain('The MCP server trains asks:');
  expect(screen).toMatch(/ {4}row {5}a whole number from 1/);
  expect(asked.answers).toEqual([{ result: { row: 3, window: true }, hash: 'h1' }]);
}, 20_000);

test('/decline refuses to answer a question', async ({ skip }) => {
  const asked = asking('ask_user', SEAT);
  await chatting(skip, asked, async (running) => {
    await running.shows('Type row=…, window=…');
    running.type('/decline\n');
    await running.shows('1 step');
  });

  expect(asked.answers).toEqual([{ action: 'decline', hash: 'h1' }]);
}, 20_000);
