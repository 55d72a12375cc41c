import { expect, test } from 'vitest';
import { decidedEntry } from '../../../core/conversation/decided-entry.ts';

test('a text that middleware has changed replaces all text parts of the message, and its files remain', () => {
  const file = { type: 'file', attachmentId: 'att_1', name: 'a.txt', contentType: 'text/plain', size: 1 } as const;
  const secret = { type: 'text', text: 'my number is 123' } as const;
  const entry = { role: 'user', runId: 'r', messageId: 'm', content: secret.text, parts: [file, secret] } as const;
  const decision = { kind: 'accept' } as never;
  const messages = [{ messageId: 'm', content: 'my number is …' }] as never;
  const decided = decidedEntry({ ...entry, parts: [...entry.parts] }, [{ messages, decision }]);
  expect(decided).toMatchObject({ content: 'my number is …', parts: [{ type: 'text', text: 'my number is …' }, file] });
  expect(JSON.stringify(decided)).not.toContain('123');
});
