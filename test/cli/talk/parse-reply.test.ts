import { expect, test } from 'vitest';
import { parseQuestionReply } from '../../../cli/shared/questions/user-question.ts';
import { parseApprovalReply } from '../../../cli/talk/parse-reply.ts';

test.each([
  ['a', { kind: 'approve' }],
  [' YES ', { kind: 'approve' }],
  ['s', { kind: 'approve', remember: 'session' }],
  ['u', { kind: 'approve', remember: 'user' }],
  ['r', { kind: 'reject', reason: null }],
  ['reject it is not paid', { kind: 'reject', reason: 'it is not paid' }],
  ['e', { kind: 'edit', text: null }],
  ['e {"amount": 5}', { kind: 'edit', text: '{"amount": 5}' }],
  ['', { kind: 'unclear' }],
  ['approve of what?', { kind: 'unclear' }],
  ['so?', { kind: 'unclear' }],
])('under an approval, %j means %j', (line, reply) => {
  expect(parseApprovalReply(line)).toEqual(reply);
});

test('a choice is named by its number or its text, and any other text is itself', () => {
  const question = { question: 'Which?', choices: ['window', 'aisle'], isJson: false };
  expect(['2', ' Window ', '3', 'the floor'].map((line) => parseQuestionReply(question, line))).toEqual([
    'aisle',
    'window',
    '3',
    'the floor',
  ]);
});

test('an answer with a schema is JSON', () => {
  const question = { question: 'How many?', choices: [], isJson: true };
  expect(parseQuestionReply(question, '{"seats": 2}')).toEqual({ seats: 2 });
  expect(() => parseQuestionReply(question, 'two')).toThrow(SyntaxError);
});
