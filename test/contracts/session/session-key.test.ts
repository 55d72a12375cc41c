import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { runWorkflowIdOf, sessionKey, sessionKeyOf, workflowIdOf } from '../../../contracts/session/session-key.ts';

const part = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((text) => !/\p{Cc}/u.test(text));

test('a workflow id gives back the key it was made of', () => {
  fc.assert(
    fc.property(part, part, (user, session) => {
      const key = sessionKey(user, session);
      expect(sessionKeyOf(workflowIdOf(key))).toEqual(key);
      expect(sessionKeyOf(runWorkflowIdOf(key))).toEqual(key);
    }),
  );
});

test('no two keys share a workflow id, and none has the id of a run', () => {
  const pair = fc.tuple(
    fc.constantFrom('a', 'a:b', ':', '%3A', 'run', ' ', 'é'),
    fc.constantFrom('c', 'b:c', ':c', ':run:c', '%'),
  );
  fc.assert(
    fc.property(pair, pair, ([userA, sessionA], [userB, sessionB]) => {
      const same = userA === userB && sessionA === sessionB;
      const a = sessionKey(userA, sessionA);
      const b = sessionKey(userB, sessionB);
      expect(workflowIdOf(a) === workflowIdOf(b)).toBe(same);
      expect(workflowIdOf(a)).not.toBe(runWorkflowIdOf(b));
    }),
  );
});

test.each(['nocolon', ':s', 'a b:s', 'a%zz:s', 'user:', ''])('the workflow id %j is refused', (id) => {
  expect(() => sessionKeyOf(id)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
});

test.each([
  ['', 's'],
  ['u', ''],
  ['u', 'a\nb'],
  ['u\u0000', 's'],
  ['u', '\ud800'],
  ['u', 'x'.repeat(1_000)],
])('the key %j, %j is refused with a sentence that names the part', (user, session) => {
  expect(() => sessionKey(user, session)).toThrow(/^The (user|session id) /);
});
