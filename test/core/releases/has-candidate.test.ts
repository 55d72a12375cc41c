import { assert, double, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { hasCandidate } from '../../../core/releases/has-candidate.ts';

const users = Array.from({ length: 10_000 }, (_, at) => `user-${at}`);

test('a share of the users has the candidate, within a percent, and others with another salt', () => {
  for (const share of [0, 0.1, 0.5, 1]) {
    const having = users.filter((user) => hasCandidate({ salt: 'one', share }, user)).length / users.length;
    expect(Math.abs(having - share)).toBeLessThan(0.01);
  }
  const both = users.filter((user) => ['one', 'two'].every((salt) => hasCandidate({ salt, share: 0.5 }, user))).length;
  expect(Math.abs(both / users.length - 0.25)).toBeLessThan(0.02);
});

test('a user who has the candidate keeps it when the share grows', () => {
  assert(
    property(
      string(),
      double({ min: 0, max: 1, noNaN: true }),
      double({ min: 0, max: 1, noNaN: true }),
      (user, a, b) => {
        const [small, large] = [Math.min(a, b), Math.max(a, b)];
        expect(
          !hasCandidate({ salt: 's', share: small }, user) || hasCandidate({ salt: 's', share: large }, user),
        ).toBe(true);
      },
    ),
  );
});
