import { expect, test } from 'vitest';
import { awaitAnswer } from '../../client/await-answer.ts';
import type { StreamEvent } from '../../contracts/events/event.ts';
import { UNKNOWN_USAGE } from '../../contracts/session/run.ts';
import { eventWriter, received, runCompleted } from '../support/gateway/run-events.ts';

const counts = { steps: 1, usage: UNKNOWN_USAGE };

async function* streamOf(events: readonly StreamEvent[]): AsyncGenerator<StreamEvent> {
  yield* events;
}

test('the answer is the output of the run that received the message, whatever else the stream contains', async () => {
  const writer = eventWriter();
  const events = [
    received(writer, 'r', 'm', 'Hi'),
    writer.durable({ type: 'run.failed', runId: 'other', error: { code: 'internal', detail: 'No' }, ...counts }),
    // Of a type that this version does not know.
    writer.durable({ type: 'run.paused', runId: 'r', output: 'Not yet', ...counts } as never),
    writer.live({ type: 'image.delta', runId: 'r', step: 1 } as never),
    runCompleted(writer, 'r', 'Hello'),
  ];
  await expect(awaitAnswer(streamOf(events), 'm', null)).resolves.toEqual({ runId: 'r', text: 'Hello', ...counts });
});

test('a run that fails or is cancelled rejects with its error', async () => {
  const writer = eventWriter();
  const error = { code: 'tool_failed', detail: 'No' } as never;
  const failed = writer.durable({ type: 'run.failed', runId: 'r', error, ...counts });
  await expect(awaitAnswer(streamOf([failed]), 'm', 'r')).rejects.toMatchObject({
    runId: 'r',
    status: 'failed',
    error,
  });

  const cancelled = writer.durable({ type: 'run.cancelled', runId: 'r', reason: 'by the user', ...counts });
  await expect(awaitAnswer(streamOf([cancelled]), 'm', 'r')).rejects.toMatchObject({
    runId: 'r',
    status: 'cancelled',
    error: { code: 'cancelled', detail: 'by the user' },
  });
});
