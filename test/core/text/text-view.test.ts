import { expect, test } from 'vitest';
import { applyDelta, trimDelta } from '../../../core/text/apply-delta.ts';
import { EMPTY_TEXT_VIEW, foldText, stepOf } from '../../../core/text/text-view.ts';
import { completed, deltasOf, eventWriter } from '../../support/gateway/run-events.ts';

test('a delta cuts at its offset and appends', () => {
  const known = { attempt: 1, text: 'Hello wor' };
  expect(applyDelta(known, { attempt: 1, offset: 5, delta: ', world' }).text).toBe('Hello, world');
  expect(applyDelta(known, { attempt: 1, offset: 9, delta: 'ld' }).text).toBe('Hello world');
});

test('a delta of a lower attempt changes nothing, one of a higher attempt starts anew', () => {
  const known = { attempt: 2, text: 'Hello' };
  expect(applyDelta(known, { attempt: 1, offset: 0, delta: 'Old' })).toBe(known);
  expect(applyDelta(known, { attempt: 3, offset: 0, delta: 'New' })).toEqual({ attempt: 3, text: 'New' });
});

test('a delta beyond the end cannot be placed', () => {
  expect(applyDelta({ attempt: 1, text: 'Hel' }, { attempt: 1, offset: 5, delta: ' you' }).text).toBe('Hel');
  expect(trimDelta({ attempt: 1, text: 'Hel' }, { attempt: 1, offset: 5, delta: ' you' })).toBeUndefined();
});

test('of a delta that overlaps only the new part is left', () => {
  const known = { attempt: 1, text: 'Hello' };
  expect(trimDelta(known, { attempt: 1, offset: 0, delta: 'Hello you' })).toEqual({
    attempt: 1,
    offset: 5,
    delta: ' you',
  });
  expect(trimDelta(known, { attempt: 1, offset: 0, delta: 'Hel' })).toBeUndefined();
  expect(trimDelta(known, { attempt: 1, offset: 0, delta: 'Hallo' })).toEqual({
    attempt: 1,
    offset: 0,
    delta: 'Hallo',
  });
});

test('retracted text is dropped and late deltas of the retracted attempt are ignored', () => {
  const writer = eventWriter();
  const where = { runId: 'r', step: 1, attempt: 1 };
  const [early = [], late = []] = [['Half of'], [' it']].map((texts, index) =>
    texts.flatMap((text) =>
      deltasOf(writer, 'message.delta', where, text, 99).map((event) => ({ ...event, offset: index * 7 })),
    ),
  );
  const retracted = writer.live({ type: 'step.retracted', ...where } as never);
  const view = [...early, retracted, ...late].reduce(foldText, EMPTY_TEXT_VIEW);
  expect(stepOf(view, 'r', 1)).toMatchObject({ text: '', attempt: 2, complete: false });
});

test('the committed text stands, whatever deltas come after it', () => {
  const writer = eventWriter();
  const where = { runId: 'r', step: 1, attempt: 1 };
  const events = [completed(writer, where, 'Done.'), ...deltasOf(writer, 'message.delta', where, 'Do', 9)];
  expect(stepOf(events.reduce(foldText, EMPTY_TEXT_VIEW), 'r', 1)).toMatchObject({ text: 'Done.', complete: true });
});

test('an event of a type that this version does not know changes nothing', () => {
  const writer = eventWriter();
  const where = { runId: 'r', step: 1, attempt: 1 };
  const view = deltasOf(writer, 'message.delta', where, 'Hello', 5).reduce(foldText, EMPTY_TEXT_VIEW);
  expect(foldText(view, writer.durable({ type: 'run.paused', ...where, text: 'New' } as never))).toBe(view);
  expect(foldText(view, writer.live({ type: 'image.delta', ...where, offset: 5, delta: 'New' } as never))).toBe(view);
});
