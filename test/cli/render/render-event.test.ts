import { styleText } from 'node:util';
import { expect, test } from 'vitest';
import type { Paint } from '../../../cli/shared/command-deps.ts';
import { BLANK_SCREEN, renderEvent } from '../../../cli/render/render-event.ts';
import type { StreamEvent } from '../../../contracts/session/event.ts';
import { completed, deltasOf, eventWriter, received, runCompleted, started } from '../../support/gateway/run-events.ts';

const plain: Paint = (_format, text) => text;
const colored: Paint = (format, text) => styleText(format, text, { validateStream: false });
const marked: Paint = (format, text) => `<${format}>${text}</${format}>`;

function render(events: readonly StreamEvent[], live: boolean, paint: Paint = plain): string {
  let screen = BLANK_SCREEN;
  let output = '';
  for (const event of events) {
    const rendered = renderEvent(screen, event, { live, paint });
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
