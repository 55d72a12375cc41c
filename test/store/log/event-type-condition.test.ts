import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventSchema, liveEventSchema } from '../../../contracts/events/event.ts';
import { EVENT_TYPES } from '../../../contracts/events/event-traits.ts';
import { eventTypeCondition } from '../../../store/log/event-type-condition.ts';

test('the events of a context are selected by the predicate of their index, word for word', () => {
  const schema = readFileSync('store/migrations/0021-0040/0031-input-decisions.sql', 'utf8');
  const predicate = /CREATE INDEX CONCURRENTLY events_of_context\w* ON [^;]*\n\s*WHERE (.+);/.exec(schema)?.[1];
  expect(eventTypeCondition('type', ({ conversation }) => conversation === 'content')).toBe(predicate);
});

test('a family is selected by its prefix only when all of its types are selected', () => {
  expect(eventTypeCondition('e.type', ({ run }) => run === 'end')).toBe(
    `e.type = 'run.completed' OR e.type = 'run.failed' OR e.type = 'run.cancelled'`,
  );
  expect(eventTypeCondition('type', ({ run }) => run === 'start' || run === 'end')).toBe(`type LIKE 'run.%'`);
});

test('the durable types of the table are those of the schema, and no live type is among them', () => {
  const schemaTypes = eventSchema.options.map(({ shape }) => shape.type.value);
  expect(EVENT_TYPES.toSorted()).toEqual(schemaTypes.toSorted());
  for (const { shape } of liveEventSchema.options) expect(EVENT_TYPES).not.toContain(shape.type.value);
});
