import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('the shapes in workflow histories are built from contracts and core only', () => {
  const source = readFileSync(new URL('../../activities/shared/contract.ts', import.meta.url), 'utf8');
  const imported = [...source.matchAll(/^import type .* from '(.*)';$/gm)].map(([, specifier = '']) => specifier);

  expect(imported).toHaveLength(source.match(/^import /gm)?.length ?? 0);
  expect(imported.length).toBeGreaterThan(0);
  expect(imported.filter((specifier) => !/^\.\.\/\.\.\/(contracts|core)\//.test(specifier))).toEqual([]);
});
