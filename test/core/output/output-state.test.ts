import { expect, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { RejectedAnswer } from '../../../contracts/output/output.ts';
import { outputState } from '../../../core/output/output-state.ts';

const schema = { type: 'object' };
const message = (seq: number, output?: { schema: typeof schema }) =>
  ({ type: 'message.received', seq, ...(output ? { output } : {}) }) as unknown as PerdureEvent;
const reply = (seq: number, rejected?: RejectedAnswer) =>
  ({ type: 'message.completed', seq, ...(rejected ? { rejected } : {}) }) as PerdureEvent;
const wrong = (repair: number | null) => ({ feedback: 'wrong', repair });

test("the schema is that of the run's message; a message that joined has none", () => {
  expect(outputState([message(1)], 2).schema).toBeNull();
  expect(outputState([message(1, { schema }), message(3)], 2).schema).toEqual(schema);
});

test('repairs count from the latest start of the run', () => {
  const events = [message(1), reply(3, wrong(1)), reply(4, wrong(2)), reply(5, wrong(null))];
  expect(outputState(events, 2)).toEqual({ schema: null, repairs: 2, failed: true });
  expect(outputState(events, 7)).toEqual({ schema: null, repairs: 0, failed: false });
  expect(outputState([...events, reply(8, wrong(1))], 7)).toEqual({ schema: null, repairs: 1, failed: false });
});

test('a later reply shows that the run went on', () => {
  expect(outputState([reply(3, wrong(null)), reply(4)], 2).failed).toBe(false);
});
