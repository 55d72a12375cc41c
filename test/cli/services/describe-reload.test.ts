import { expect, test } from 'vitest';
import { describeReload } from '../../../cli/services/describe-reload.ts';

const versions = (agents: Record<string, string>) => new Map(Object.entries(agents));

test('a reload says which agents have a new version, which are new and which are gone', () => {
  const before = versions({ tutor: '11111111aa', old: '2', same: '3' });
  const after = versions({ helper: '4', same: '3', tutor: '55555555aa' });
  expect(describeReload(before, after, ['tutor.ts'])).toBe(
    'agents: reloaded tutor (55555555), added helper, removed old',
  );
});

test('a reload that changes no version names the code that changed, or says that nothing did', () => {
  const same = versions({ tutor: '1' });
  expect(describeReload(same, same, ['a.yaml', 'lib/dice.ts'])).toBe('agents: reloaded the code of lib/dice.ts');
  expect(describeReload(same, same, ['a.yaml'])).toBe('agents: reloaded, no agent changed');
});
