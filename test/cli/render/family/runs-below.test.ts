import { expect, test } from 'vitest';
import { createEventPrinter } from '../../../../cli/render/event-printer.ts';
import type { CommandDeps } from '../../../../cli/shared/command-deps.ts';
import type { StreamEvent } from '../../../../contracts/events/event.ts';
import {
  completed,
  deltasOf,
  eventWriter,
  received,
  runCompleted,
  started,
} from '../../../support/gateway/run-events.ts';

const of = (sessionId: string, events: readonly StreamEvent[]) => events.map((event) => ({ ...event, sessionId }));

/** The events of a run without a session that answers `text`, after calls. */
function childRun(id: string, text: string, calls: readonly StreamEvent[] = []): StreamEvent[] {
  const writer = eventWriter();
  const at = { runId: id, step: 1, attempt: 1 };
  return of(id, [
    writer.durable({ type: 'session.opened', agent: 'assistant' }),
    received(writer, id, id, 'The task'),
    started(writer, id),
    ...calls,
    ...deltasOf(writer, 'message.delta', at, text, 3),
    completed(writer, at, text),
    runCompleted(writer, id, text, 1),
  ]);
}

const called = (runId: string, tool: string, childRunId: string): StreamEvent =>
  eventWriter().durable({
    type: 'tool.called',
    runId,
    step: 1,
    callId: 'c',
    tool,
    arguments: { task: 'x' },
    childRunId,
  });

test('what runs below do is shown below their calls, indented by level, and the own text in progress is ended first', () => {
  let out = '';
  const deps = {
    json: false,
    terminal: false,
    paint: (_: unknown, text: string) => text,
    write: (text: string) => (out += text),
  };
  const { show } = createEventPrinter(deps as unknown as CommandDeps, { session: 's' });
  const writer = eventWriter();
  const at = { runId: 'r', step: 2, attempt: 1 };
  const events = [
    ...of('s', [received(writer, 'r', 'm', 'Hi'), started(writer, 'r'), called('r', 'researcher', 'child-1')]),
    ...childRun('child-1', 'Facts.\nMore facts.', [called('child-1', 'writer', 'child-2')]).slice(0, 4),
    ...childRun('child-2', 'A draft.'),
    ...childRun('child-1', 'Facts.\nMore facts.').slice(3),
    ...of('s', [completed(writer, at, 'The answer.'), runCompleted(writer, 'r', 'The answer.', 2)]),
  ];
  events.forEach(show);
  expect(out.split('\n')).toEqual([
    '> Hi',
    '→ researcher {"task":"x"}',
    '  │ → writer {"task":"x"}',
    '    │ A draft.',
    '  │ Facts.',
    '  │ More facts.',
    'The answer.',
    '',
  ]);
});
