import { expect, test } from 'vitest';
import { messageHash } from '../../../store/admission/message-hash.ts';

const schema = { type: 'object', properties: { a: { type: 'string' } } };

test('a message without a schema keeps the hash that it was admitted with before there were schemas', () => {
  expect(messageHash({ content: 'hello' })).toBe('NUM3gcAo9BJhcQwHs3NaVdsRhCaXqcvxH98cNrFeAqM');
});

test('the schema of an answer is part of the body, the order of its keys is not', () => {
  const hash = messageHash({ content: 'hello', output: { schema } });
  expect(hash).not.toBe(messageHash({ content: 'hello' }));
  expect(hash).toBe(
    messageHash({ content: 'hello', output: { schema: { properties: { a: { type: 'string' } }, type: 'object' } } }),
  );
  expect(hash).not.toBe(messageHash({ content: 'hello', output: { schema: { type: 'object' } } }));
});
