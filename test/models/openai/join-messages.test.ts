import { expect, test } from 'vitest';
import { joinMessages } from '../../../models/openai/join-messages.ts';

const text = (content: string) => ({ type: 'text', text: content }) as const;

test('messages of the user that follow one another are joined with their parts in order', () => {
  const image = { type: 'image', name: 'a.png', contentType: 'image/png', size: 1, base64: 'AA==' } as const;
  expect(
    joinMessages([
      { role: 'user', content: 'one' },
      { role: 'user', content: 'two', parts: [image, text('two')] },
      { role: 'user', content: 'three' },
      { role: 'assistant', content: 'ok', toolCalls: [] },
      { role: 'user', content: 'four' },
    ]),
  ).toEqual([
    { role: 'user', content: 'one\n\ntwo\n\nthree', parts: [text('one'), image, text('two'), text('three')] },
    { role: 'assistant', content: 'ok', toolCalls: [] },
    { role: 'user', content: 'four' },
  ]);
});
