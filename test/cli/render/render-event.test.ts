import { styleText } from 'node:util';
import { expect, test } from 'vitest';
import { UNKNOWN_USAGE } from '../../../contracts/session/run.ts';
import type { Paint } from '../../../cli/shared/command-deps.ts';
import { BLANK_SCREEN, renderEvent, RESUMED_SCREEN } from '../../../cli/render/render-event.ts';
import type { StreamEvent } from '../../../contracts/events/event.ts';
import { completed, deltasOf, eventWriter, received, runCompleted, started } from '../../support/gateway/run-events.ts';

const plain: Paint = (_format, text) => text;
const colored: Paint = (format, text) => styleText(format, text, { validateStream: false });
const marked: Paint = (format, text) => `<${format}>${text}</${format}>`;

function render(events: readonly StreamEvent[], live: boolean, paint: Paint = plain, width?: number): string {
  let screen = BLANK_SCREEN;
  let output = '';
  for (const event of events) {
    const rendered = renderEvent(screen, event, { live, paint, width });
    screen = rendered.screen;
    output += rendered.text;
  }
  return output;
}

/** A run with reasoning, a tool call and an answer. */
function toolRun(): StreamEvent[] {
  const writer = eventWriter();
  const first = { runId: 'r', step: 1, attempt: 1 };
  const second = { runId: 'r', step: 2, attempt: 1 };
  const call = { runId: 'r', step: 1, callId: 'c', tool: 'calculator' };
  return [
    received(writer, 'r', 'm', 'What is 6 × 7?'),
    started(writer, 'r'),
    ...deltasOf(writer, 'reasoning.delta', first, 'Let me\ncount.', 4),
    writer.durable({ type: 'reasoning.completed', ...first, text: 'Let me\ncount.' }),
    completed(writer, first, '', { finish: 'tool_calls' }),
    writer.durable({ type: 'tool.called', ...call, arguments: { expression: '6*7' } }),
    writer.durable({ type: 'tool.completed', ...call, result: 42, attempts: 1, durationMs: 1 }),
    ...deltasOf(writer, 'message.delta', second, 'It is 42.', 4),
    completed(writer, second, 'It is 42.'),
    runCompleted(writer, 'r', 'It is 42.', 2),
  ];
}

test('plain output has whole lines: thoughts, tool calls with inputs and results, text', () => {
  expect(render(toolRun(), false)).toBe(
    [
      '> What is 6 × 7?',
      '~ Let me',
      '~ count.',
      '→ calculator {"expression":"6*7"}',
      '← calculator 42',
      'It is 42.',
      '',
    ].join('\n'),
  );
});

test('in a terminal each piece of text appears once, thoughts dimmed, with a summary at the end', () => {
  const output = render(toolRun(), true, marked);
  expect(output).toContain('<dim>~ Let </dim><dim>me\nc</dim><dim>ount</dim><dim>.</dim>\n<cyan>→ calculator');
  expect(output).toContain('<cyan>← calculator 42</cyan>\nIt is 42.\n<dim>  2 steps · unknown tokens · 1.3 s</dim>\n');
});

test('styles are those of the terminal, and can be off', () => {
  expect(render(toolRun(), true, colored)).toContain('\u001B[36m→ calculator {"expression":"6*7"}\u001B[39m');
  expect(render(toolRun(), true, plain)).not.toContain('\u001B');
});

test('retracted text is told to be dropped, and the next attempt is shown from its beginning', () => {
  const writer = eventWriter();
  const first = { runId: 'r', step: 1, attempt: 1 };
  const again = { ...first, attempt: 2 };
  const events = [
    ...deltasOf(writer, 'message.delta', first, 'Half an ans', 20),
    writer.live({ type: 'step.retracted', ...first } as never),
    ...deltasOf(writer, 'message.delta', again, 'A whole answer.', 20),
    completed(writer, again, 'A whole answer.'),
  ];
  const notice = '↺ The model call was interrupted. Discarding the text above and retrying.';
  expect(render(events, true)).toBe(`Half an ans\n${notice}\nA whole answer.\n`);
  expect(render(events.toSpliced(1, 1), true)).toBe(`Half an ans\n${notice}\nA whole answer.\n`);
  expect(render(events, false)).toBe('A whole answer.\n');
});

test('text whose deltas were lost is completed from the committed one', () => {
  const writer = eventWriter();
  const where = { runId: 'r', step: 1, attempt: 1 };
  const events = [
    ...deltasOf(writer, 'message.delta', where, 'Hello, w', 20),
    completed(writer, where, 'Hello, world.'),
  ];
  expect(render(events, true)).toBe('Hello, world.\n');
});

test('text that was cut short by a cancel says so', () => {
  const writer = eventWriter();
  const where = { runId: 'r', step: 1, attempt: 1 };
  const events = [completed(writer, where, 'Once upon', { finish: 'cancelled', partial: true })];
  expect(render(events, false)).toBe('Once upon\n■ Cut short here.\n');
});

test.each([
  ['cancelled', '■ Run r was cancelled.\n'],
  ['Stopped.', '■ Run r was cancelled: Stopped.\n'],
])('a cancel with the reason %j is shown as %j', (reason, line) => {
  const event = eventWriter().durable({ type: 'run.cancelled', runId: 'r', reason, steps: 1, usage: UNKNOWN_USAGE });
  expect(render([event], false)).toBe(line);
});

test('an answer that does not match its schema is shown as such, with its repair', () => {
  const writer = eventWriter();
  const start = started(writer, 'r');
  const answer = completed(writer, { runId: 'r', step: 1, attempt: 1 }, 'Paris');
  const wrong = (repair: number | null) => [
    start,
    { ...answer, rejected: { feedback: 'wrong', repair } } as StreamEvent,
  ];
  const first = 'Paris\n↻ The answer does not match its schema. Repair 1 of at most 2.\n';
  expect([render(wrong(1), false), render(wrong(1), true)]).toEqual([first, first]);
  expect(render(wrong(null), true)).toBe('Paris\n■ The answer does not match its schema.\n');
});

test('control sequences in a text never reach the terminal', () => {
  const writer = eventWriter();
  const text = 'red \u001B[31mred\u0007\u009B2J\r\nend';
  const events = deltasOf(writer, 'message.delta', { runId: 'r', step: 1, attempt: 1 }, text, 99);
  expect(render(events, true)).toBe('red [31mred2J\nend');
});

test('a failed run and a tool whose effect is not known are told', () => {
  const writer = eventWriter();
  const call = { runId: 'r', step: 1, callId: 'c', tool: 'mail' };
  const error = { code: 'model_unavailable', detail: 'It is away.' };
  const events = [
    writer.durable({ type: 'tool.unknown', ...call, error: 'The worker died.', attempts: 1 }),
    writer.durable({ type: 'run.failed', runId: 'r', error, steps: 1, usage: toUsage() }),
  ];
  expect(render(events, false)).toBe(
    '? mail: unknown whether it took effect: The worker died.\n✗ Run r failed (model_unavailable): It is away.\n',
  );
});

function toUsage() {
  return { inputTokens: null, outputTokens: null, cachedTokens: null, reasoningTokens: null };
}

test('a budget that warns is told with what was used, and a run with what it cost', () => {
  const writer = eventWriter();
  const facts = { unit: 'usd', used: 40.5, reserved: 0, limit: 50, resetsAt: '2026-12-01T00:00:00.000Z' } as const;
  const warned = { type: 'budget.warned', runId: 'r', kind: 'limit', scope: 'month', ...facts } as const;
  const usage = { inputTokens: 1, outputTokens: 2, cachedTokens: 0, reasoningTokens: 0 };
  const done = { type: 'run.completed', runId: 'r', output: '', steps: 1, usage, costUsd: 0.00125 } as const;
  const shown = render([writer.durable(warned), writer.durable(done)], true);
  expect(shown).toContain('! Budget of the month: $40.50 of $50.00 used. Resets at 2026-12-01T00:00:00.000Z.');
  const threshold = { ...warned, kind: 'threshold', scope: 'day', used: 10.2, limit: 10 } as const;
  expect(render([writer.durable(threshold)], true)).toContain(
    '! Budget warning for the day: $10.20 used, over the threshold of $10.00. Requests are not refused. Resets at ',
  );
  expect(shown).toContain('1 step · 3 tokens · $0.00125');
});

test('an event of a type that this version does not know is not shown, and does not interrupt the text', () => {
  const writer = eventWriter();
  const where = { runId: 'r', step: 1, attempt: 1 };
  const [first, second] = deltasOf(writer, 'message.delta', where, 'Hello', 3);
  const unknown = [
    writer.durable({ type: 'run.paused', runId: 'r', reason: 'New' } as never),
    writer.live({ type: 'image.delta', ...where, offset: 3, delta: 'New' } as never),
  ];
  const events = [first, ...unknown, second, completed(writer, where, 'Hello')] as StreamEvent[];
  expect(render(events, true)).toBe('Hello\n');
  expect(render(events, false)).toBe('Hello\n');
});

test('a failed attempt is shown with its reason and when the next one begins, and a lost worker as such', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const failed = { type: 'attempt.failed', at, sessionId: 'main', runId: 'r', step: 1, attempt: 1 } as const;
  const detail = 'The provider openai failed the model call (status 503): server_error.';
  const retry = { ...failed, maxAttempts: 3, code: 'server_error', retryAt: '2026-01-01T00:00:04.000Z' };
  expect(render([{ ...retry, detail }], true)).toBe(`↻ ${detail} Attempt 2 of 3 in 4.0 s.\n`);
  expect(render([{ ...retry, detail: null, maxAttempts: null }], false)).toBe(
    '↻ The model call failed (server_error). Attempt 2 in 4.0 s.\n',
  );
  const next = { ...failed, maxAttempts: null, code: 'quota_exhausted', retryAt: null, nextModel: 'azure/gpt-4o' };
  expect(render([{ ...next, detail: 'No credit.' }], true)).toBe(
    '↻ No credit. The model azure/gpt-4o is asked next.\n',
  );
  expect(render([{ ...failed, maxAttempts: null, code: 'lost', detail: null, retryAt: null }], true)).toBe(
    '↻ The worker stopped responding; another one continues with attempt 2.\n',
  );
});

test('in a terminal text, thoughts and notices are wrapped at words, whatever pieces they arrive in', () => {
  const writer = eventWriter();
  const where = { runId: 'r', step: 1, attempt: 1 };
  const thought = 'Let me think about it first.';
  const answer = 'The answer to all of it is 42.';
  const events = [
    received(writer, 'r', 'm', 'What is the answer to all of it?'),
    ...deltasOf(writer, 'reasoning.delta', where, thought, 3),
    writer.durable({ type: 'reasoning.completed', ...where, text: thought }),
    ...deltasOf(writer, 'message.delta', where, answer, 3),
    completed(writer, where, answer),
  ];
  expect(render(events, true, plain, 18)).toBe(
    [
      '> What is the',
      '  answer to all of',
      '  it?',
      '~ Let me think',
      '  about it first.',
      'The answer to all',
      'of it is 42.',
      '',
    ].join('\n'),
  );
  expect(render(events.slice(0, -2), true, plain, 18)).toMatch(/of it is$/);
  expect(render(events, true, marked, 18)).toContain('<dim> think</dim><dim>\n  about</dim>');
});

/** Two messages that were queued before the first was answered. */
function queuedRuns(): { first: StreamEvent[]; second: StreamEvent[] } {
  const writer = eventWriter();
  const [one, two] = [
    { runId: '01a2-aaaaaaaa', step: 1, attempt: 1 },
    { runId: '01a2-bbbbbbbb', step: 1, attempt: 1 },
  ];
  const question = 'What is the second question, and is it longer than the first?';
  const first = [
    received(writer, one.runId, 'm-1', 'First?'),
    received(writer, two.runId, 'm-2', question),
    started(writer, one.runId),
    ...deltasOf(writer, 'message.delta', one, 'Answer one.', 99),
    completed(writer, one, 'Answer one.'),
    runCompleted(writer, one.runId, 'Answer one.'),
  ];
  const second = [
    started(writer, two.runId),
    writer.durable({ type: 'tool.called', ...two, callId: 'c', tool: 'dice', arguments: {} }),
    ...deltasOf(writer, 'message.delta', two, 'Answer two.', 99),
    completed(writer, two, 'Answer two.'),
    runCompleted(writer, two.runId, 'Answer two.'),
  ];
  return { first, second };
}

test('the output of each of several queued messages begins with the message and the run, once', () => {
  const { first, second } = queuedRuns();
  const shown = render([...first, ...second], true);
  expect(shown.split('\n').filter((line) => line.startsWith('↳') || line.startsWith('Answer'))).toEqual([
    '↳ Answer to "First?" (run aaaaaaaa):',
    'Answer one.',
    '↳ Answer to "What is the second question, and is it…" (run bbbbbbbb):',
    'Answer two.',
  ]);
  expect(render([...first, ...second], false)).toContain('↳ Answer to "First?" (run 01a2-aaaaaaaa):\nAnswer one.\n');
  expect(render(first.slice(0, 1).concat(first.slice(2)), true)).not.toContain('↳');
});

test('a text that another message interrupts continues below a heading', () => {
  const writer = eventWriter();
  const where = { runId: 'aaaaaaaa', step: 1, attempt: 1 };
  const [begin, end] = deltasOf(writer, 'message.delta', where, 'Half an answer.', 8) as [StreamEvent, StreamEvent];
  const events = [
    received(writer, 'aaaaaaaa', 'm-1', 'First?'),
    begin,
    received(writer, 'bbbbbbbb', 'm-2', 'Second?'),
    end,
    completed(writer, where, 'Half an answer.'),
  ];
  expect(render(events, true)).toBe('> First?\nHalf an \n> Second?\n↳ Answer to "First?" (run aaaaaaaa):\nanswer.\n');
});

test('a reader that resumes is shown the run, even without its message', () => {
  const { second } = queuedRuns();
  const { text } = renderEvent(RESUMED_SCREEN, second[1] as StreamEvent, { live: true, paint: plain });
  expect(text).toBe('↳ Answer of run bbbbbbbb:\n→ dice {}\n');
});

test('an answer whose call lacked older messages has a line with their number', () => {
  const writer = eventWriter();
  const where = { runId: 'r', step: 1, attempt: 1 };
  const events = [started(writer, 'r'), completed(writer, where, 'I do not know.', { omitted: 12 })];
  expect(render(events, false)).toBe(
    'I do not know.\n· 12 older messages were left out: the context window has no room.\n',
  );
});
