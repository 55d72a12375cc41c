import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readSettings } from '../../../cli/services/settings.ts';

test('in a clone, where agents/ is the code of Perdure, the default agents are the examples; PERDURE_AGENTS names others', () => {
  expect(readSettings({}).agentsDir).toBe(resolve('examples/agents'));
  expect(readSettings({ PERDURE_AGENTS: 'mine' }).agentsDir).toBe(resolve('mine'));
});
