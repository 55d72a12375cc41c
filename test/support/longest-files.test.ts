import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../assets/package-files.ts';
import { LONGEST } from './longest-files.ts';

test('each file that is started first exists, and is listed once', () => {
  expect(LONGEST.filter((path) => !existsSync(join(PACKAGE_ROOT, path)))).toEqual([]);
  expect(new Set(LONGEST).size).toBe(LONGEST.length);
});
