import { expect, test } from 'vitest';
import { changedMessage, decidedMessage } from '../../../../activities/run/middleware/changed-message.ts';
import { decidedEntry } from '../../../../core/conversation/decided-entry.ts';

const file = {
  type: 'file',
  attachmentId: 'att_1',
  name: 'ann@mail.example.txt',
  contentType: 'text/plain',
  size: 1,
} as const;
const data = { type: 'data', data: { mail: 'ann@mail.example' } } as const;
const text = { type: 'text', text: 'Hello' } as const;
const parts = [text, file, data];
const middleware = { name: 'rewrites' };
const entry = { role: 'user', runId: 'r', messageId: 'm', content: 'Hello', parts: [...parts] } as const;

test('parts take the place of parts, and the text is that of the text parts', () => {
  const renamed = { ...file, name: '[email].txt' };
  const after = changedMessage(middleware, { content: 'Hello', parts }, { parts: [renamed, { ...text, text: 'Bye' }] });
  expect(after).toEqual({ content: 'Bye', parts: [renamed, { type: 'text', text: 'Bye' }] });
  const decided = decidedMessage({ ...entry, parts: [...parts] }, after);
  expect(decided).toEqual({ messageId: 'm', content: 'Bye', parts: after.parts });
  const applied = decidedEntry({ ...entry, parts: [...parts] }, [{ messages: [decided], decision: { kind: 'pass' } }]);
  expect(applied).toMatchObject({ content: 'Bye', parts: after.parts });
  expect(JSON.stringify(applied)).not.toContain('ann@mail');
});

test('a text takes the place of all texts, and the other parts stay', () => {
  const after = changedMessage(middleware, { content: 'Hello', parts }, 'Bye');
  expect(after).toEqual({ content: 'Bye', parts: [{ type: 'text', text: 'Bye' }, file, data] });
  expect(changedMessage(middleware, { content: 'Hello' }, 'Bye')).toEqual({ content: 'Bye' });
});

test('an image or a file can be left out and renamed; its size and type stay, and no other one is added', () => {
  const lies = { ...file, size: 9, contentType: 'image/png' };
  expect(changedMessage(middleware, { content: '', parts }, { parts: [lies] }).parts).toEqual([file]);
  expect(changedMessage(middleware, { content: '', parts }, { parts: [] }).parts).toEqual([{ type: 'text', text: '' }]);
  const other = { ...file, attachmentId: 'att_2' };
  expect(() => changedMessage(middleware, { content: '', parts }, { parts: [other] })).toThrow(
    'an image or a file that the message does not have',
  );
  expect(() => changedMessage(middleware, { content: 'Hello' }, { parts: [file] })).toThrow('does not have');
});

test('what has not changed is not recorded', () => {
  expect(decidedMessage({ ...entry, parts: [...parts] }, { content: 'Hello', parts: [...parts] })).toEqual({
    messageId: 'm',
  });
  expect(decidedMessage({ role: 'user', runId: 'r', messageId: 'm', content: 'Hello' }, { content: 'Bye' })).toEqual({
    messageId: 'm',
    content: 'Bye',
  });
});
