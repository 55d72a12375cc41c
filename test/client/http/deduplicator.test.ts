import { expect, test } from 'vitest';
import { createDeduplicator } from '../../../client/http/deduplicator.ts';
import { deltasOf, eventWriter } from '../../support/gateway/run-events.ts';

test('events of types that this version does not know pass unchanged, and the text goes on after them', () => {
  const writer = eventWriter();
  const where = { runId: 'r', step: 1, attempt: 1 };
  const [first, second] = deltasOf(writer, 'message.delta', where, 'Hello', 3);
  const paused = writer.durable({ type: 'run.paused', ...where, text: 'New' } as never);
  const image = writer.live({ type: 'image.delta', ...where, attempt: 2, offset: 0, delta: 'New' } as never);
  const deduplicator = createDeduplicator(0);
  const passed = [first, paused, image, image, second].map((event) => event && deduplicator.filter(event));
  expect(passed).toEqual([first, paused, image, image, second]);
  expect(deduplicator.filter(paused)).toBeUndefined();
});
